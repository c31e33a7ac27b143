"""Sources: what each reads, on a recorded /proc and on this machine's."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance import metrics
from appliance.collect import sources
from appliance.collect.collectors import COLLECTORS
from appliance.collect.optional import MODULES, OPTIONAL, makers
from appliance.collect.sources import cpuinfo, meminfo, netdev, read_text, stat, statfs
from appliance.measurement import FACTS
from appliance.procfs import parsers

EVERY = [*COLLECTORS, *(make for name in OPTIONAL for make in makers(name))]


def test_every_source_is_on_the_list() -> None:
    modules = {path.stem for path in Path(sources.__file__).parent.glob("*.py")} - {"__init__"}

    assert {make.__module__.rpartition(".")[2] for make in EVERY} == modules


def test_the_order_is_that_of_a_recording() -> None:
    assert [make("/proc").subsystem for make in COLLECTORS] == [
        "/proc/cpuinfo", "/proc/stat", "/proc/meminfo", "/proc/net/dev", "/proc/diskstats", "statfs[*]",
        "perfanalysis[filesystems]", "/proc/vmstat", "/proc/loadavg", "/proc/uptime",
        "/proc/pressure/cpu", "/proc/pressure/memory", "/proc/pressure/io", "/proc/pressure/irq",
        "perfanalysis[processes]", "perfanalysis[cgroups]",
        "/proc/net/snmp", "/proc/net/netstat", "/proc/net/sockstat", "/proc/net/sockstat6", "/proc/net/softnet_stat",
        "/proc/sys/fs/file-nr", "/proc/sys/kernel/hung_task_detect_count",
        "/proc/sys/net/netfilter/nf_conntrack_count", "/proc/sys/net/netfilter/nf_conntrack_max", "/proc/schedstat",
        "cpufreq[*]", "thermal_throttle[*]", "hwmon[*]", "thermal_zone[*]", "cooling_device[*]", "carrier[*]",
        "edac[*]", "numa[*]", "/proc/mdstat", "logins[*]", "timex[*]", "perfanalysis[facts]",
    ]  # fmt: skip


@pytest.mark.parametrize("source", [make("/proc") for make in EVERY], ids=lambda source: source.subsystem)
def test_what_is_read_on_this_machine_can_be_parsed(source: sources.Source) -> None:
    deadline = time.monotonic() + 30
    try:
        # What a child is asked for may come a moment later.
        while (text := source.read()) is sources.NOT_NOW and time.monotonic() < deadline:
            time.sleep(0.05)
    except OSError as error:
        pytest.skip(f"this kernel has no {source.subsystem}: {error.strerror}")

    if not text and source.subsystem in {"statfs[*]", "perfanalysis[filesystems]", "/proc/mdstat"}:
        pytest.skip("this machine has none")
    assert text
    for subsystem, each in (text if isinstance(text, dict) else {source.subsystem: text}).items():
        known = parsers.find(subsystem)
        assert subsystem in {metrics.CPUINFO, FACTS} or (known is not None and list(known[1](each)))


def test_a_file_is_recorded_as_it_is(proc: Path) -> None:
    assert meminfo.source(str(proc)).read() == (proc / "meminfo").read_text()


def test_a_name_that_is_not_utf_8_is_written_as_escapes(proc: Path) -> None:
    (proc / "net" / "dev").write_bytes(b"face |bytes\n eth\xff: 1 2\n")

    text = netdev.source(str(proc)).read()

    assert text == "face |bytes\n eth\\xff: 1 2\n"


def test_an_empty_file_cannot_be_read(proc: Path) -> None:
    (proc / "loadavg").write_text("")

    with pytest.raises(ValueError, match="it is empty"):
        read_text(str(proc / "loadavg"))


def test_a_file_longer_than_one_reading_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "long").write_text("0123456789\n" * 100_000)

    assert read_text(str(tmp_path / "long")) == "0123456789\n" * 100_000


@pytest.mark.parametrize(
    ("text", "recorded"),
    [
        ("cpu  1 2\nintr 5000 1 2 0\nctxt 9\n", "cpu  1 2\nintr 5000\nctxt 9\n"),
        ("cpu  1 2\nintr 5000\nctxt 9\n", "cpu  1 2\nintr 5000\nctxt 9\n"),
        ("cpu  1 2\nintr 5000 0 0\n", "cpu  1 2\nintr 5000\n"),
        ("cpu  1 2\nctxt 9\nsoftirq 7 1 6\n", "cpu  1 2\nctxt 9\nsoftirq 7 1 6\n"),
    ],
)
def test_of_the_interrupts_only_the_total_is_recorded(text: str, recorded: str) -> None:
    assert stat.without_interrupts(text) == recorded


def test_what_is_left_out_of_stat_is_in_no_metric(recordings: Path) -> None:
    with (recordings / "azure_d4s_idle_short" / "host.json").open() as file:
        text = json.loads(next(file))["measurement"]
    known = parsers.find("/proc/stat")
    assert known is not None

    assert len(stat.without_interrupts(text)) < len(text)
    assert list(known[1](stat.without_interrupts(text))) == list(known[1](text))


def test_cpuinfo_is_told_once_and_when_it_changes(proc: Path) -> None:
    now = 0.0
    source = cpuinfo.source(str(proc), lambda: now)
    first = source.read()
    now = 30
    soon = source.read()
    now = 70
    (proc / "cpuinfo").write_text(first.replace("2600.000", "1200.500") if first else "")
    slower = source.read()
    now = 140
    (proc / "cpuinfo").write_text("processor\t: 0\n\nprocessor\t: 1\n\n")
    other = source.read()

    assert first is not None
    assert "Test CPU" in first
    assert (soon, slower) == (sources.NOT_NOW, None)
    assert other == "processor\t: 0\n\nprocessor\t: 1\n\n"


def read_statfs(proc: Path) -> list[dict[str, object]]:
    text = statfs.source(str(proc)).read()
    assert text is not None
    return [json.loads(line) for line in text.splitlines()]


def test_a_file_system_has_the_five_keys_of_the_original(proc: Path) -> None:
    (record,) = read_statfs(proc)

    found = os.statvfs("/")
    assert list(record) == ["mount_point", "block_size", "blocks_total", "blocks_free", "blocks_available"]
    assert (record["mount_point"], record["block_size"]) == ("/", found.f_frsize)
    assert record["blocks_total"] == found.f_blocks


def test_images_single_files_and_second_mounts_are_no_file_systems(proc: Path, tmp_path: Path) -> None:
    for name in ("data", "backup of data", "snap"):
        (tmp_path / name).mkdir()
    (tmp_path / "hosts").write_text("")
    (proc / "self" / "mounts").write_text(
        f"/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 {tmp_path}/backup\\040of\\040data ext4 rw 0 0\n"
        f"/dev/sdb1 {tmp_path}/data ext4 rw 0 0\n/dev/loop0 {tmp_path}/snap squashfs ro 0 0\n"
        f"/dev/sdc {tmp_path}/hosts ext4 rw 0 0\nproc /proc proc rw 0 0\n"
    )

    assert [record["mount_point"] for record in read_statfs(proc)] == ["/", f"{tmp_path}/data"]


def test_the_root_of_a_container_is_recorded_too(proc: Path) -> None:
    (proc / "self" / "mounts").write_text("overlay / overlay rw 0 0\n")

    assert [record["mount_point"] for record in read_statfs(proc)] == ["/"]


def test_a_mount_that_fails_costs_that_mount_only_and_comes_back(
    proc: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    (proc / "self" / "mounts").write_text(f"/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 {disk} ext4 rw 0 0\n")
    source = statfs.source(str(proc))
    before = source.read()
    disk.rmdir()
    without = [source.read(), source.read()]
    disk.mkdir()
    after = source.read()

    assert before is not None
    assert without[0] is not None
    assert [text.count("\n") for text in (before, *without, after) if text] == [2, 1, 1, 2]
    assert caplog.messages == [
        f"the file system on {disk} is not recorded: No such file or directory.",
        f"the file system on {disk} is recorded again.",
    ]


def test_a_recording_without_options_loads_no_optional_source() -> None:
    loads = "import sys; import appliance.collect.loop; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True).stdout.split()
    by_default = {make.__module__ for make in COLLECTORS}
    assert set(MODULES) & set(loaded) == set(MODULES) & by_default
    assert set(MODULES) - by_default
