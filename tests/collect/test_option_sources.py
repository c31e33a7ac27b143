"""What is recorded by option of NFS mounts, network drivers, NVMe disks and services, read back from a recording."""

import json
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from string import ascii_lowercase

import pytest

from appliance.collect.sources import NOT_NOW, Source, ethtool, nfs, nvme, systemd_units
from appliance.measurement import Measurement
from appliance.samples import from_measurements

Found = Mapping[tuple[str, str], int]


def read_back(source: Source) -> Found:
    """Return the numbers that a store would get of what a source says now, by metric and instance."""
    text = source.read()
    assert isinstance(text, str)
    parsed = from_measurements([Measurement(1_767_970_000, source.subsystem, text)], "m")
    assert not parsed.warnings
    return {
        (column.metric.name, column.instance): int(values.numbers[0])
        for samples in parsed.samples
        for column, values in samples.columns.items()
    }


MOUNTSTATS = """\
device proc mounted on /proc with fstype proc
device /dev/vda mounted on / with fstype ext4
no device mounted on /run with fstype tmpfs
device nfsd mounted on /proc/fs/nfsd with fstype nfsd
device filer:/export/home mounted on /home\\040of\\040all with fstype nfs4 statvers=1.1
\topts:\trw,vers=4.2,rsize=1048576,wsize=1048576,namlen=255,acregmin=3,hard,proto=tcp,timeo=600,retrans=2,sec=sys
\tage:\t3600
\timpl_id:\tname='',domain='',date='0,0'
\tcaps:\tcaps=0xfbffdf,wtmult=512,dtsize=1048576,bsize=0,namlen=255
\tnfsv4:\tbm0=0xfdffbfff,bm1=0xf9be3e,bm2=0x68800,acl=0x3,sessions,pnfs=not configured,lease_time=90,lease_expired=0
\tsec:\tflavor=1,pseudoflavor=1
\tevents:\t52 198 0 0 39 13 218 1021 0 0 8 2 0 13 0 0 13 0 1 0 0 0 0 0 0 0 0
\tbytes:\t1048576 2097152 0 0 1048576 2097152 256 512
\tRPC iostats version: 1.1  p/v: 100003/4 (nfs)
\txprt:\ttcp 0 0 2 0 11 164 164 0 186 0 3 21 22
\tper-op statistics
\t        NULL: 1 1 0 44 24 9 1 11 0
\t        READ: 16 18 1 3456 1049600 4 120 130 2
\t       WRITE: 32 32 0 2103296 5632 900 450 1400 0
\t      COMMIT: 2 3 0 424 208 0 17 17 0
\t     GETATTR: 52 52 0 11024 12480 1 30 33 1

device old:/data mounted on /data with fstype nfs statvers=1.0
\topts:\trw,vers=3,rsize=32768,wsize=32768
\tage:\t60
\tRPC iostats version: 1.0  p/v: 100003/3 (nfs)
\txprt:\tudp 998 0 5 5 0 5 0
\tper-op statistics
\t        NULL: 0 0 0 0 0 0 0 0
\t     GETATTR: 3 3 0 300 336 0 2 2
\t        READ: 1 1 0 120 4224 0 5 6
"""


def nfs_of(proc: Path, text: str) -> Source:
    (proc / "self" / "mountstats").write_text(text)
    return nfs.source(str(proc))


def test_requests_of_an_nfs_mount_are_summed_up_as_reads_writes_and_others(proc: Path) -> None:
    found = read_back(nfs_of(proc, MOUNTSTATS))

    assert {name: number for (name, mount), number in found.items() if mount == "/home of all"} == {
        "nfs_read_requests_total": 16, "nfs_read_retransmissions_total": 2, "nfs_read_timeouts_total": 1,
        "nfs_read_sent_bytes_total": 3456, "nfs_read_received_bytes_total": 1049600,
        "nfs_read_queue_seconds_total": 4, "nfs_read_response_seconds_total": 120,
        "nfs_read_execute_seconds_total": 130, "nfs_read_errors_total": 2,
        "nfs_write_requests_total": 32, "nfs_write_retransmissions_total": 0, "nfs_write_timeouts_total": 0,
        "nfs_write_sent_bytes_total": 2103296, "nfs_write_received_bytes_total": 5632,
        "nfs_write_queue_seconds_total": 900, "nfs_write_response_seconds_total": 450,
        "nfs_write_execute_seconds_total": 1400, "nfs_write_errors_total": 0,
        "nfs_other_requests_total": 55, "nfs_other_retransmissions_total": 1, "nfs_other_timeouts_total": 0,
        "nfs_other_sent_bytes_total": 44 + 424 + 11024, "nfs_other_received_bytes_total": 24 + 208 + 12480,
        "nfs_other_queue_seconds_total": 10, "nfs_other_response_seconds_total": 48,
        "nfs_other_execute_seconds_total": 61, "nfs_other_errors_total": 1,
    }  # fmt: skip


def test_the_older_form_of_mountstats_has_no_errors_and_none_is_made_up(proc: Path) -> None:
    found = read_back(nfs_of(proc, MOUNTSTATS))

    old = {name: number for (name, mount), number in found.items() if mount == "/data"}
    assert (old["nfs_read_execute_seconds_total"], old["nfs_other_requests_total"]) == (6, 3)
    assert not [name for name in old if "errors" in name or "write" in name]


def test_file_systems_that_are_not_nfs_are_no_nfs_mounts(proc: Path) -> None:
    assert {mount for _, mount in read_back(nfs_of(proc, MOUNTSTATS))} == {"/home of all", "/data"}


def test_a_machine_without_nfs_says_so_and_an_unmounted_one_is_no_failure(proc: Path) -> None:
    others = MOUNTSTATS.partition("device filer")[0]
    with pytest.raises(FileNotFoundError, match="no NFS file system is mounted"):
        nfs_of(proc, others).read()
    source = nfs_of(proc, MOUNTSTATS)
    assert source.read()
    (proc / "self" / "mountstats").write_text(others)

    assert source.read() is None


def test_a_line_of_mountstats_that_is_cut_short_is_said(proc: Path) -> None:
    with pytest.raises(ValueError, match="the line of READ has fewer than 8 numbers"):
        nfs_of(proc, MOUNTSTATS.replace("READ: 16 18 1 3456", "READ: 16 18\n 1 3456")).read()


ENA = {
    "tx_timeout": 1, "suspend": 0, "resume": 0, "wd_expired": 0, "interface_up": 1, "interface_down": 0,
    "bw_in_allowance_exceeded": 5, "bw_out_allowance_exceeded": 1200, "pps_allowance_exceeded": 3,
    "conntrack_allowance_exceeded": 0, "linklocal_allowance_exceeded": 2, "conntrack_allowance_available": 136812,
    "queue_0_tx_cnt": 9000, "queue_0_tx_dma_mapping_err": 0, "queue_0_tx_bad_req_id": 0, "queue_0_rx_cnt": 8000,
    "queue_0_rx_bad_csum": 4, "queue_1_tx_cnt": 7000, "queue_1_tx_dma_mapping_err": 1, "queue_1_tx_bad_req_id": 0,
    "queue_1_rx_cnt": 6000, "queue_1_rx_bad_csum": 5, "ena_admin_q_aborted_cmd": 0, "rx_interrupts": 77,
    "rx_crc_10_errors": 6, "rx_lost_unknown_errors": 2**64 - 1,
}  # fmt: skip
"""Counters of Amazon's driver, and two of others."""


def answers(counters: Mapping[str, int]) -> tuple[bytes, bytes]:
    """What the kernel writes to a question for the names and for the numbers, with room that it did not need."""
    names = struct.pack("3I", 0x1B, 1, len(counters)) + b"".join(name.encode().ljust(32, b"\0") for name in counters)
    numbers = struct.pack(f"=2I{len(counters)}Q", 0x1D, len(counters), *counters.values())
    return names + bytes(320), numbers + bytes(80)


def test_a_drivers_losses_are_chosen_and_its_queues_are_summed() -> None:
    assert ethtool.losses(ethtool.counters_of(*answers(ENA))) == {
        "tx_timeout": 1, "bw_in_allowance_exceeded": 5, "bw_out_allowance_exceeded": 1200, "pps_allowance_exceeded": 3,
        "conntrack_allowance_exceeded": 0, "linklocal_allowance_exceeded": 2, "conntrack_allowance_available": 136812,
        "queue_*_tx_dma_mapping_err": 1, "queue_*_tx_bad_req_id": 0, "queue_*_rx_bad_csum": 9, "rx_crc_10_errors": 6,
    }  # fmt: skip


def test_a_driver_with_thousands_of_counters_costs_some_dozens() -> None:
    queues = [(f"rx_{at}_drops", 1) for at in range(1000)]
    kinds = [(f"rx_{letter}{other}_errors", 0) for letter in ascii_lowercase for other in ascii_lowercase]

    found = ethtool.losses(queues + kinds)

    assert (len(found), found["rx_*_drops"]) == (ethtool.MOST_COUNTERS, 1000)


def test_counters_that_change_between_the_two_questions_are_not_mixed_up() -> None:
    names, _ = answers(ENA)
    _, numbers = answers({**ENA, "queue_2_rx_bad_csum": 1})

    with pytest.raises(ValueError, match="changed while they were read"):
        ethtool.counters_of(names, numbers)


def test_what_an_instance_is_not_allowed_has_metrics_of_its_own() -> None:
    record = {"name": "eth0", "driver": "ena", "counters": ethtool.losses(ENA.items())}

    found = read_back(Source("ethtool[*]", lambda: json.dumps(record) + "\n"))

    assert found == {
        ("network_allowance_bandwidth_in_total", "eth0"): 5, ("network_allowance_bandwidth_out_total", "eth0"): 1200,
        ("network_allowance_packets_total", "eth0"): 3, ("network_allowance_connections_total", "eth0"): 0,
        ("network_allowance_link_local_total", "eth0"): 2, ("network_allowance_connections_left", "eth0"): 136812,
        ("network_driver_losses_total", "eth0 tx_timeout"): 1,
        ("network_driver_losses_total", "eth0 queue_*_tx_dma_mapping_err"): 1,
        ("network_driver_losses_total", "eth0 queue_*_tx_bad_req_id"): 0,
        ("network_driver_losses_total", "eth0 queue_*_rx_bad_csum"): 9,
        ("network_driver_losses_total", "eth0 rx_crc_10_errors"): 6,
    }  # fmt: skip


def test_an_interface_without_a_device_and_one_that_left_are_passed_over(proc: Path) -> None:
    cards = proc.parent / "sys" / "class" / "net"
    (cards / "veth0").mkdir(parents=True)
    (cards / "left0" / "device").mkdir(parents=True)

    with pytest.raises(FileNotFoundError, match="no network driver here counts errors of its own"):
        ethtool.source(str(proc)).read()


def health_page() -> bytes:
    """A page as the NVMe specification lays it out (Get Log Page, SMART / Health Information)."""
    page = bytearray(512)
    page[0] = 0b0000_0100
    page[1:3] = (273 + 38).to_bytes(2, "little")
    page[3], page[4], page[5] = 97, 10, 3
    for at, number in {
        32: 24_618_113, 48: 31_005_702, 64: 312_000_456, 80: 501_777_321, 96: 1431, 112: 88, 128: 14_020, 144: 17,
        160: 2, 176: 301,
    }.items():  # fmt: skip
        page[at : at + 16] = number.to_bytes(16, "little")
    page[192:196], page[196:200] = (5).to_bytes(4, "little"), (1).to_bytes(4, "little")
    page[200:202] = (273 + 41).to_bytes(2, "little")
    return bytes(page)


def test_the_health_log_of_a_disk_is_read_as_the_specification_lays_it_out() -> None:
    record = {"name": "nvme0", **nvme.health(health_page())}

    found = read_back(Source("nvme[*]", lambda: json.dumps(record) + "\n"))

    assert {metric: number for (metric, _), number in found.items()} == {
        "nvme_critical_warning": 4, "nvme_available_spare_percent": 97, "nvme_spare_threshold_percent": 10,
        "nvme_used_percent": 3, "nvme_read_bytes_total": 24_618_113 * 512_000,
        "nvme_written_bytes_total": 31_005_702 * 512_000, "nvme_reads_total": 312_000_456,
        "nvme_writes_total": 501_777_321, "nvme_busy_seconds_total": 1431 * 60, "nvme_power_cycles_total": 88,
        "nvme_power_on_seconds_total": 14_020 * 3600, "nvme_unsafe_shutdowns_total": 17,
        "nvme_media_errors_total": 2, "nvme_error_log_entries_total": 301, "nvme_warm_seconds_total": 300,
        "nvme_hot_seconds_total": 60,
    }  # fmt: skip


def test_a_number_that_no_sample_can_hold_is_left_out() -> None:
    page = health_page()[:160] + b"\xff" * 16 + health_page()[176:]

    health = nvme.health(page)

    assert "media_errors" not in health
    assert health["error_log_entries"] == 301


def test_the_log_is_asked_for_as_the_kernel_and_the_specification_say() -> None:
    asked = nvme.command(0x7F00_1234_5678)

    assert len(asked) == 72
    assert (asked[0], asked[4:8], asked[24:32]) == (2, b"\xff" * 4, (0x7F00_1234_5678).to_bytes(8, "little"))
    assert struct.unpack_from("=III", asked, 36) == (512, 0x007F_0002, 0)
    assert struct.unpack_from("=I", asked, 64) == (1000,)


@pytest.fixture
def disk(proc: Path) -> Path:
    folder = proc.parent / "sys" / "class" / "nvme" / "nvme0"
    folder.mkdir(parents=True)
    (folder / "model").write_text("Samsung SSD 980 PRO 1TB                 \n")
    (folder / "state").write_text("live\n")
    return folder


def test_who_may_not_ask_a_disk_for_its_log_still_learns_its_state(
    proc: Path, disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    device = proc.parent / "dev" / disk.name
    device.parent.mkdir()
    device.write_text("")
    source = nvme.source(str(proc))

    text = source.read()

    assert isinstance(text, str)
    assert json.loads(text) == {
        "name": "nvme0", "model": "Samsung SSD 980 PRO 1TB", "state": "live", "live": 1,
        "without_log": "Inappropriate ioctl for device",
    }  # fmt: skip
    source.again()
    assert read_back(source) == {("nvme_live", "nvme0"): 1}
    assert caplog.messages == ["The wear of nvme0 is not recorded: Inappropriate ioctl for device."]


def test_a_disk_that_died_is_no_longer_live(proc: Path, disk: Path) -> None:
    (disk / "state").write_text("dead\n")

    assert read_back(nvme.source(str(proc))) == {("nvme_live", "nvme0"): 0}


@pytest.mark.parametrize("folder", ["sys/class", "sys/class/nvme"])
def test_a_machine_without_nvme_disks_says_so(proc: Path, folder: str) -> None:
    (proc.parent / folder).mkdir(parents=True)

    with pytest.raises(FileNotFoundError, match="this machine has no"):
        nvme.source(str(proc)).read()


SHOWN = """\
NRestarts=0
Id=ssh.service
LoadState=loaded
ActiveState=active

NRestarts=7
Id=app.service
LoadState=loaded
ActiveState=activating

NRestarts=5
Id=backup@home.service
LoadState=loaded
ActiveState=failed

NRestarts=0
Id=nginx.service
LoadState=loaded
ActiveState=inactive

NRestarts=0
Id=plymouth.service
LoadState=not-found
ActiveState=inactive

Id=mnt-old\\x2ddata.mount
LoadState=loaded
ActiveState=failed

Id=logrotate.timer
LoadState=loaded
ActiveState=active
"""
"""What `systemctl show` of systemd 252 prints."""


@pytest.fixture
def booted(proc: Path) -> str:
    """The /proc of a machine that was started by systemd."""
    (proc.parent / "run" / "systemd" / "system").mkdir(parents=True)
    return str(proc)


def test_units_that_failed_and_services_that_were_started_again(booted: str, tmp_path: Path) -> None:
    (tmp_path / "shown").write_text(SHOWN)

    found = read_back(systemd_units.source(booted, ["cat", f"{tmp_path}/shown"]))

    assert found == {
        ("units", ""): 6, ("units_failed", ""): 2,
        ("unit_failed", "backup@home.service"): 1, ("unit_active", "backup@home.service"): 0,
        ("unit_restarts_total", "backup@home.service"): 5,
        ("unit_failed", "mnt-old\\x2ddata.mount"): 1, ("unit_active", "mnt-old\\x2ddata.mount"): 0,
        ("unit_failed", "app.service"): 0, ("unit_active", "app.service"): 0,
        ("unit_restarts_total", "app.service"): 7,
        ("unit_failed", "ssh.service"): 0, ("unit_active", "ssh.service"): 1, ("unit_restarts_total", "ssh.service"): 0,
        ("unit_failed", "nginx.service"): 0, ("unit_active", "nginx.service"): 0,
        ("unit_restarts_total", "nginx.service"): 0,
        ("unit_failed", "logrotate.timer"): 0, ("unit_active", "logrotate.timer"): 1,
    }  # fmt: skip


def test_of_very_many_units_those_that_failed_are_told_first_and_all_are_counted() -> None:
    many = "".join(f"Id=a{at}.service\nLoadState=loaded\nActiveState=active\nNRestarts=0\n\n" for at in range(1000))

    total, first, *others = systemd_units.told(many + SHOWN).splitlines()

    assert json.loads(total) == {"units": 1006, "failed": 2}
    assert json.loads(first)["unit"] == "backup@home.service"
    assert len(others) == systemd_units.MOST_UNITS - 1


def test_an_answer_that_takes_its_time_is_picked_up_later(booted: str, tmp_path: Path) -> None:
    (tmp_path / "shown").write_text(SHOWN)
    gate = tmp_path / "gate"
    script = f"while [ ! -e {gate} ]; do sleep 0.02; done; cat {tmp_path}/shown"
    source = systemd_units.source(booted, ["sh", "-c", script], answer_seconds=60)
    first = source.read()
    gate.write_text("")

    later = awaited(source)

    assert first is NOT_NOW
    assert isinstance(later, str)
    assert later.startswith('{"units":6,"failed":2}\n')
    assert source.read() is NOT_NOW


def awaited(source: Source) -> str | dict[str, str] | None:
    deadline = time.monotonic() + 60
    while (text := source.read()) is NOT_NOW and time.monotonic() < deadline:
        time.sleep(0.02)
    return text


def test_a_child_that_does_not_answer_is_ended_and_the_next_one_may(booted: str, tmp_path: Path) -> None:
    now = 0.0
    script = f"echo $$ > {tmp_path}/pid.new && mv {tmp_path}/pid.new {tmp_path}/pid && exec sleep 600"
    source = systemd_units.source(booted, ["sh", "-c", script], lambda: now)
    assert source.read() is NOT_NOW
    while not (tmp_path / "pid").exists():
        time.sleep(0.02)
    now = 11.0

    with pytest.raises(TimeoutError, match="sh did not answer within 10 s"):
        source.read()

    pid = int((tmp_path / "pid").read_text())
    assert source.read() is NOT_NOW
    assert not Path(f"/proc/{pid}").exists()
    now = 61.0
    assert source.read() is NOT_NOW
    now = 72.0
    with pytest.raises(TimeoutError):
        source.read()


def test_a_child_gets_no_key_and_no_library_of_ours(booted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")
    monkeypatch.setenv("XATBACKEND_APIKEY", "secret")
    source = systemd_units.source(booted, ["sh", "-c", "env | grep -e LIBRARY -e APIKEY >&2; exit 1"])

    with pytest.raises(OSError, match="sh ended with code 1"):
        awaited(source)


def test_what_systemctl_complains_of_is_the_reason(booted: str) -> None:
    script = "echo 'Failed to connect to bus: Host is down' >&2; exit 1"
    source = systemd_units.source(booted, ["sh", "-c", script])

    with pytest.raises(OSError, match="Failed to connect to bus: Host is down"):
        awaited(source)


def test_a_machine_without_systemd_or_systemctl_says_so(proc: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="this machine was not started by systemd"):
        systemd_units.source(str(proc)).read()
    (tmp_path / "run" / "systemd" / "system").mkdir(parents=True)

    with pytest.raises(FileNotFoundError, match="no-systemctl cannot be run: No such file or directory"):
        systemd_units.source(str(proc), ["no-systemctl"]).read()
