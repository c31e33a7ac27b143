"""Facts: what a machine is, told once, and again when it has changed."""

import json
from pathlib import Path

import pytest

from appliance.collect import machine_facts
from appliance.collect.sources import NOT_NOW, facts
from appliance.measurement import FACTS, META, Measurement
from appliance.samples import from_measurements

FILES = {
    "sys/class/dmi/id/sys_vendor": "QEMU\n",
    "sys/class/dmi/id/product_name": "Standard PC (Q35 + ICH9, 2009)\n",
    "sys/class/dmi/id/product_serial": "SECRET-1\n",
    "sys/block/sda/size": "2048\n",
    "sys/block/sda/queue/rotational": "0\n",
    "sys/block/sda/queue/scheduler": "none [mq-deadline] kyber\n",
    "sys/block/sda/device/model": "QEMU HARDDISK   \n",
    "sys/block/loop0/size": "88\n",
    "sys/block/sr0/size": "0\n",
    "sys/class/net/eth0/operstate": "up\n",
    "sys/class/net/eth0/mtu": "1500\n",
    "sys/class/net/eth0/speed": "10000\n",
    "sys/class/net/eth0/duplex": "full\n",
    "sys/class/net/eth0/address": "52:54:00:12:34:56\n",
    "sys/class/net/veth1/operstate": "up\n",
    "sys/class/net/veth1/speed": "-1\n",
    "sys/class/net/veth1/duplex": "unknown\n",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    "etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n",
    "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "3600000\n",
    "proc/swaps": (
        "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
        "/dev/sda2                               partition\t2097148\t\t0\t\t-2\n"
        "/swap\\040file                           file\t\t1024\t\t12\t\t5\n"
    ),
    "proc/sys/vm/swappiness": "60\n",
    "proc/sys/net/core/somaxconn": "4096\n",
    "proc/sys/kernel/osrelease": "6.1.0-18-amd64\n",
    "proc/cmdline": "root=UUID=secret quiet psi=1 mitigations=off password=hunter2\n",
    "proc/1/environ": "PATH=/bin\0container=lxc\0TOKEN=hunter2\0",
}


@pytest.fixture
def machine(proc: Path) -> Path:
    for name, text in FILES.items():
        path = proc.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return proc.parent


def test_a_machine_is_described_by_what_changes_what_is_measured(proc: Path, machine: Path) -> None:
    found = machine_facts.describe(str(proc))

    assert found["hardware"] == {
        "vendor": "QEMU", "product": "Standard PC (Q35 + ICH9, 2009)",
        "cpu_frequency": {"governor": "powersave", "most_kilohertz": "3600000"},
    }  # fmt: skip
    assert found["swaps"] == {
        "/dev/sda2": {"type": "partition", "bytes": 2147479552, "priority": -2},
        "/swap file": {"type": "file", "bytes": 1048576, "priority": 5},
    }
    assert found["system"] == {
        "kernel": "6.1.0-18-amd64", "boot_options": "psi=1 mitigations=off",
        "distribution": "Debian GNU/Linux 12 (bookworm)",
    }  # fmt: skip
    assert found["virtualisation"] == {"hypervisor": "QEMU", "container": "lxc"}
    assert found["mounts"] == {"/": {"device": "/dev/sda1", "type": "ext4", "options": "rw"}}
    assert found["disks"] == {
        "sda": {"bytes": 1048576, "model": "QEMU HARDDISK", "rotational": "0", "scheduler": "mq-deadline"}
    }
    assert found["interfaces"] == {
        "eth0": {"state": "up", "mtu": "1500", "duplex": "full", "bits_per_second": 10_000_000_000},
        "veth1": {"state": "up"},
    }
    assert found["sysctls"] == {
        "vm.swappiness": "60", "net.core.somaxconn": "4096", "transparent_hugepage.enabled": "madvise",
    }  # fmt: skip


def test_a_proc_that_lxcfs_makes_is_told(proc: Path, machine: Path) -> None:
    (proc / "self" / "mounts").write_text("/dev/sda1 / ext4 rw 0 0\nlxcfs /proc/meminfo fuse.lxcfs rw 0 0\n")

    assert machine_facts.describe(str(proc))["virtualisation"]["proc"] == "lxcfs"


def test_facts_hold_no_secrets(proc: Path, machine: Path) -> None:
    (proc / "self" / "mounts").write_text("//nas/x /x cifs rw,vers=3.0,username=hunter2,noatime 0 0\n")

    text = json.dumps(machine_facts.describe(str(proc)))

    assert "rw,vers=3.0,noatime" in text
    assert not [secret for secret in ("SECRET", "hunter2", "52:54", "UUID") if secret in text]


def test_facts_are_told_once_and_when_they_change_and_when_asked_to(proc: Path, machine: Path) -> None:
    now = 0.0
    source = facts.source(str(proc), lambda: now)
    first, soon = source.read(), source.read()
    now = 400
    same = source.read()
    (proc / "sys" / "vm" / "swappiness").write_text("10\n")
    now = 800
    changed = source.read()
    source.again()

    assert first is not None
    assert (soon, same) == (NOT_NOW, None)
    assert changed == first.replace('"vm.swappiness": "60"', '"vm.swappiness": "10"')
    assert source.read() == changed


def test_facts_arrive_at_the_reading_side(proc: Path, machine: Path) -> None:
    text = facts.source(str(proc)).read() or ""
    meta = Measurement(1767977160, META, '{"run":7,"machine_id":"web-1"}')

    parsed = from_measurements(
        [meta, Measurement(1767977160, FACTS, text), Measurement(1767977160, FACTS, '{"meta":{"run":9},"odd":3}')], ""
    )

    assert parsed.facts["virtualisation"] == {"hypervisor": "QEMU", "container": "lxc"}
    assert parsed.facts["meta"]["run"] == 7
    assert "odd" not in parsed.facts
