"""Sources that keep part of a file, or make records of many: nothing that a metric is made of is left out."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.collect import loop
from appliance.collect.sources import (
    NOT_NOW,
    Source,
    now_and_then,
    pressure,
    reader,
    schedstat,
    snmp,
    sysfs,
    tcp_states,
    vmstat,
)
from appliance.measurement import from_object
from appliance.metrics import PAGING_FIELDS
from appliance.procfs import parsers
from appliance.protocol_metrics import PROTOCOL_FIELDS, STATES
from appliance.samples import from_measurements


def test_the_fields_that_are_recorded_are_those_of_the_metrics() -> None:
    recorded = {(protocol, field) for protocol, fields in snmp.KEPT.items() for field in fields}

    assert recorded == set(PROTOCOL_FIELDS)
    assert {*vmstat.KEPT, *vmstat.BY_OPTION} == set(PAGING_FIELDS)
    assert tcp_states.STATES == STATES


@pytest.mark.parametrize("source", [vmstat.source("/proc"), snmp.snmp("/proc"), snmp.netstat("/proc")])
def test_what_is_left_out_is_in_no_metric(source: Source) -> None:
    known = parsers.find(source.subsystem)
    assert known is not None
    names = {value.metric.name for value in known[1](Path(source.subsystem).read_text())}

    text = source.read()

    assert text is not None
    kept = {value.metric.name for value in known[1](text)}
    assert names - kept <= {metric.name for field, metric in PAGING_FIELDS.items() if field in vmstat.BY_OPTION}


def test_the_form_of_the_file_is_kept(proc: Path) -> None:
    assert snmp.snmp(str(proc)).read() == (
        "Tcp: ActiveOpens RetransSegs\nTcp: 17796 93\nUdp: InDatagrams NoPorts\nUdp: 9210 6\n"
    )
    assert snmp.netstat(str(proc)).read() == "TcpExt: SyncookiesSent ListenOverflows\nTcpExt: 1 2\n"


def test_lines_that_move_are_found_again(proc: Path) -> None:
    source = vmstat.source(str(proc))
    before = source.read()
    (proc / "vmstat").write_text("nr_free_pages 5\npswpin 3\npgpgin 100\n")

    assert (before, source.read()) == ("pgpgin 100\npgpgout 200\npswpin 0\npswpout 0\n", "pswpin 3\npgpgin 100\n")


def test_domains_of_the_scheduler_are_left_out() -> None:
    assert schedstat.only_cpus("version 15\ncpu0 1 2\ndomain0 3 4\ncpu1 5 6\n") == "version 15\ncpu0 1 2\ncpu1 5 6\n"


def test_connections_are_counted_by_state(proc: Path) -> None:
    head = "  sl  local_address rem_address   st tx_queue\n"
    (proc / "net" / "tcp").write_text(head + "   0: 0100007F:1F90 00000000:0000 0A 00:0\n   1: 0A:1 0B:2 01 0:0\n")
    (proc / "net" / "tcp6").write_text(head + "   0: 0A:1 0B:2 01 0:0\n")

    assert json.loads(tcp_states.source(str(proc)).read() or "") == {"established": 2, "listen": 1}


def test_a_file_of_the_kernel_is_kept_open_and_read_anew() -> None:
    read = reader("/proc/self/stat")

    first = read()
    sum(range(200_000))

    assert first.split()[0] == read().split()[0]
    uptime = reader("/proc/uptime")
    assert float(uptime().split()[0]) <= float(uptime().split()[0])


def test_a_file_that_is_replaced_is_read_as_it_is_now(proc: Path) -> None:
    read = reader(str(proc / "loadavg"))
    before = read()
    (proc / "loadavg").unlink()
    (proc / "loadavg").write_text("1.00 1.00 1.00 2/80 4000\n")

    assert read() != before


def test_what_changes_slowly_is_read_now_and_then() -> None:
    times = iter([0.0, 5.0, 9.9, 10.0, 11.0, 12.0])
    source = now_and_then(Source("x", lambda: "text"), 10, lambda: next(times))

    assert [source.read() for _ in range(5)] == ["text", NOT_NOW, NOT_NOW, "text", NOT_NOW]
    source.again()
    assert source.read() == "text"


SYS = {
    "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "2600000\n",
    "devices/system/cpu/cpu10/cpufreq/scaling_cur_freq": "1200000\n",
    "devices/system/cpu/cpu2/cpufreq/scaling_cur_freq": "<unknown>\n",
    "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "3\n",
    "devices/system/cpu/cpu0/thermal_throttle/package_throttle_count": "4\n",
    "devices/system/edac/mc/mc0/ce_count": "5\n",
    "devices/system/edac/mc/mc0/ue_count": "0\n",
    "devices/system/node/node0/meminfo": "Node 0 MemTotal:  1000 kB\nNode 0 MemFree:  400 kB\nNode 0 Dirty: 1 kB\n",
    "devices/system/node/node0/numastat": "numa_hit 7\nnuma_miss 1\n",
    "devices/system/node/node1/meminfo": "Node 1 MemTotal:  1000 kB\n",
    "devices/system/node/node1/numastat": "numa_hit 9\n",
    "class/hwmon/hwmon0/name": "coretemp\n",
    "class/hwmon/hwmon0/temp1_input": "45000\n",
    "class/hwmon/hwmon0/temp1_label": "Package id 0\n",
    "class/hwmon/hwmon0/temp2_input": "-500\n",
    "class/hwmon/hwmon0/temp3_input": "",
    "class/hwmon/hwmon0/fan1_input": "1200\n",
    "class/hwmon/hwmon0/in0_input": "1104\n",
    "class/hwmon/hwmon0/in0_label": "Vcore\n",
    "class/thermal/cooling_device0/type": "Processor\n",
    "class/thermal/cooling_device0/cur_state": "2\n",
    "class/thermal/cooling_device0/max_state": "10\n",
    "class/thermal/thermal_zone0/type": "acpitz\n",
    "class/thermal/thermal_zone0/temp": "27800\n",
    "class/net/lo/carrier_changes": "0\n",
    "class/net/eth0/carrier_changes": "2\n",
    "class/net/bonding_masters": "\n",
}
HARDWARE = [
    sysfs.cpufreq, sysfs.throttle, sysfs.hwmon, sysfs.thermal, sysfs.cooling, sysfs.carrier, sysfs.edac, sysfs.numa,
]  # fmt: skip


@pytest.fixture
def sys(proc: Path) -> Path:
    root = proc.parent / "sys"
    for name, text in SYS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_what_the_hardware_says(proc: Path, sys: Path) -> None:
    assert list(sysfs.frequencies(sys)) == [
        {"name": "0", "hertz": 2_600_000_000},
        {"name": "10", "hertz": 1_200_000_000},
    ]
    assert list(sysfs.throttles(sys)) == [{"name": "0", "core": 3, "package": 4}]
    assert list(sysfs.memory_errors(sys)) == [{"name": "mc0", "corrected": 5, "uncorrected": 0}]
    assert list(sysfs.zones(sys)) == [{"name": "0 acpitz", "millidegrees": 27800}]
    assert list(sysfs.links(sys)) == [{"name": "eth0", "changes": 2}, {"name": "lo", "changes": 0}]
    assert list(sysfs.sensors(sys)) == [
        {"name": "coretemp 0 Package id 0", "millidegrees": 45000},
        {"name": "coretemp 0 temp2", "millidegrees": -500},
        {"name": "coretemp 0 fan1", "turns_per_minute": 1200},
        {"name": "coretemp 0 Vcore", "millivolts": 1104},
    ]
    assert list(sysfs.coolers(sys)) == [{"name": "0 Processor", "state": 2, "most": 10}]
    assert next(sysfs.nodes(sys)) == {
        "node": 0, "MemTotal": 1024000, "MemFree": 409600, "numa_hit": 7, "numa_miss": 1,
    }  # fmt: skip


@pytest.mark.parametrize("make", HARDWARE)
def test_what_the_hardware_says_can_be_parsed(proc: Path, sys: Path, make: Callable[[str], Source]) -> None:
    source = make(str(proc))
    known = parsers.find(source.subsystem)

    text = source.read()

    assert text
    assert known is not None
    assert list(known[1](text))


@pytest.mark.parametrize("make", HARDWARE)
def test_a_machine_that_has_no_such_hardware_has_no_such_source(proc: Path, make: Callable[[str], Source]) -> None:
    with pytest.raises(FileNotFoundError, match="this machine has none"):
        make(str(proc)).read()


def test_of_pressure_the_total_is_recorded_and_not_its_averages(proc: Path) -> None:
    (proc / "pressure" / "io").write_text(
        "some avg10=0.00 avg60=12.22 avg300=0.37 total=2549522\nfull avg10=0.00 avg60=0.22 avg300=100.00 total=7\n"
    )

    assert pressure.io(str(proc)).read() == "some total=2549522\nfull total=7\n"


def test_further_lines_of_a_file_are_read_back_and_cost_only_themselves_where_there_are_none(
    proc: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan = loop.Plan(1, 0, "m", root=str(proc), optional=("compaction",))
    without = loop.take_one(plan)
    with (proc / "vmstat").open("a") as file:
        file.write("compact_success 7\n")

    sample = loop.take_one(plan)

    parsed = from_measurements([from_object(json.loads(line)) for line in sample.splitlines()], "m")
    found = {column.metric.name for samples in parsed.samples for column in samples.columns}
    assert b'"/proc/vmstat"' in without
    assert not [said for said in caplog.messages if "/proc/vmstat" in said]
    assert {PAGING_FIELDS["compact_success"].name, PAGING_FIELDS["pswpin"].name} <= found
