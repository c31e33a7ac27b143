"""
What a machine is and how it is set up: facts that a report names beside its numbers, each group a small JSON object.

A fact that cannot be read is left out. No serial numbers, addresses or environments: a recording is shown to others.
"""

import os
from collections.abc import Callable
from typing import Any

from appliance.collect.mounts import IMAGES, NETWORK, listed, readable, unescaped, with_device
from appliance.collect.sources import read_text

Facts = dict[str, Any]

SYSCTLS = (
    "vm/swappiness", "vm/overcommit_memory", "vm/overcommit_ratio", "vm/dirty_ratio", "vm/dirty_background_ratio",
    "vm/dirty_bytes", "vm/dirty_background_bytes", "vm/min_free_kbytes", "vm/vfs_cache_pressure", "vm/max_map_count",
    "vm/zone_reclaim_mode", "vm/nr_hugepages", "net/core/somaxconn", "net/core/netdev_max_backlog",
    "net/core/rmem_max", "net/core/wmem_max", "net/core/default_qdisc", "net/ipv4/tcp_max_syn_backlog",
    "net/ipv4/tcp_syncookies", "net/ipv4/tcp_congestion_control", "net/ipv4/tcp_rmem", "net/ipv4/tcp_wmem",
    "net/ipv4/tcp_tw_reuse", "net/ipv4/ip_local_port_range", "net/netfilter/nf_conntrack_max", "fs/file-max",
    "fs/nr_open", "fs/aio-max-nr", "fs/inotify/max_user_watches", "kernel/pid_max", "kernel/threads-max",
    "kernel/numa_balancing", "kernel/sched_autogroup_enabled", "kernel/panic",
)  # fmt: skip
TELLING = ("size=", "data=", "commit=", "errors=", "vers=", "rsize=", "wsize=", "compress", "logbufs=")
MOST = 500
"""So many disks, interfaces and mounts are described."""
DMI = {"vendor": "sys_vendor", "product": "product_name", "board": "board_name", "firmware": "bios_version"}
CPUFREQ = {
    "driver": "scaling_driver", "governor": "scaling_governor", "least_kilohertz": "cpuinfo_min_freq",
    "most_kilohertz": "cpuinfo_max_freq",
}  # fmt: skip
VIRTUAL = {
    "kvm": "KVM", "qemu": "QEMU", "vmware": "VMware", "virtualbox": "VirtualBox", "xen": "Xen",
    "microsoft corporation virtual machine": "Hyper-V", "amazon ec2": "Amazon EC2", "google compute engine": "Google",
    "openstack": "OpenStack", "parallels": "Parallels", "bhyve": "bhyve", "firecracker": "Firecracker",
}  # fmt: skip
"""What the firmware of virtual machines calls them, in lower case."""


def describe(root: str) -> Facts:
    """Return the facts by group; `root` is the place of /proc, beside which the others are."""
    place = root.rpartition("/")[0]
    groups: dict[str, Callable[[str, str], Facts]] = {
        "hardware": hardware, "system": system, "virtualisation": virtualisation, "mounts": mounts, "disks": disks,
        "swaps": swaps, "interfaces": interfaces, "sysctls": sysctls,
    }  # fmt: skip
    return {name: found for name, look in groups.items() if (found := look(root, place))}


def hardware(_: str, place: str) -> Facts:
    facts: Facts = {**several(f"{place}/sys/class/dmi/id", DMI)}
    for key, name in {"cpus_online": "cpu/online", "nodes": "node/online", "smt": "cpu/smt/active"}.items():
        if text := word(f"{place}/sys/devices/system/{name}"):
            facts[key] = text
    if scaling := several(f"{place}/sys/devices/system/cpu/cpu0/cpufreq", CPUFREQ):
        facts["cpu_frequency"] = scaling
    weaknesses = f"{place}/sys/devices/system/cpu/vulnerabilities"
    found = {name: text for name in names(weaknesses) if (text := word(f"{weaknesses}/{name}"))}
    return {**facts, **({"vulnerabilities": found} if found else {})}


def system(root: str, place: str) -> Facts:
    facts: Facts = several(f"{root}/sys/kernel", {"kernel": "osrelease", "kernel_version": "version"})
    if command_line := word(f"{root}/cmdline"):
        # The rest may hold anything; these change what is measured.
        wanted = ("psi", "mitigations", "isolcpus", "nohz_full", "transparent_hugepage", "cgroup", "systemd.unified")
        facts["boot_options"] = " ".join(word for word in command_line.split() if word.startswith(wanted))
    for line in text_of(f"{place}/etc/os-release").splitlines():
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            facts["distribution"] = value.strip().strip("\"'")
    return facts


def virtualisation(root: str, place: str) -> Facts:
    facts: Facts = {}
    named = " ".join(several(f"{place}/sys/class/dmi/id", {"vendor": "sys_vendor", "product": "product_name"}).values())
    if hypervisor := next((name for sign, name in VIRTUAL.items() if sign in named.lower()), ""):
        facts["hypervisor"] = hypervisor
    elif " hypervisor" in text_of(f"{root}/cpuinfo").partition("flags")[2].partition("\n")[0]:
        facts["hypervisor"] = "unknown"
    if container := container_of(root, place):
        facts["container"] = container
    if any(mount.kind == "fuse.lxcfs" for mount in listed(text_of(f"{root}/self/mounts"))):
        # Then parts of /proc are of the container, and the rest is of its host.
        facts["proc"] = "lxcfs"
    return facts


def container_of(root: str, place: str) -> str:
    """Return what kind of container we are in, or nothing."""
    for path, name in ((".dockerenv", "docker"), ("run/.containerenv", "podman")):
        if os.path.exists(f"{place}/{path}"):  # noqa: PTH110
            return name
    if named := word(f"{place}/run/systemd/container"):
        return named
    for setting in text_of(f"{root}/1/environ").split("\0"):
        if setting.startswith("container="):
            return setting.partition("=")[2]
    return ""


def mounts(root: str, _: str) -> Facts:
    kinds = with_device(root) | NETWORK | {"zfs", "overlay", "tmpfs"}
    return {
        readable(mount.point): {
            "device": readable(mount.device),
            "type": mount.kind,
            "options": harmless(mount.options),
        }
        for mount in [mount for mount in listed(text_of(f"{root}/self/mounts")) if mount.kind in kinds - IMAGES][:MOST]
    }


def harmless(options: str) -> str:
    """Leave out options with a value, such as a user's name or the folders of a container, but for a few."""
    return ",".join(option for option in options.split(",") if "=" not in option or option.startswith(TELLING))


def disks(_: str, place: str) -> Facts:
    """Loop devices and RAM disks are no disks; an empty drive has no size."""
    facts = {}
    for name in names(f"{place}/sys/block"):
        folder = f"{place}/sys/block/{name}"
        sectors = word(f"{folder}/size")
        if name.startswith(("loop", "ram", "zram")) or sectors in {"", "0"}:
            continue
        fact: Facts = {"bytes": int(sectors) * 512}
        fact |= several(folder, {"model": "device/model", "rotational": "queue/rotational"})
        if scheduler := word(f"{folder}/queue/scheduler"):
            fact["scheduler"] = scheduler.partition("[")[2].partition("]")[0] or scheduler
        if parts := names(f"{folder}/slaves"):
            fact["made_of"] = parts
        if title := word(f"{folder}/dm/name"):
            fact["name"] = title
        facts[name] = fact
    return facts


def swaps(root: str, _: str) -> Facts:
    """The kernel prints a heading, then "/dev/sda2  partition  2097148  0  -2": the sizes are in kB."""
    lines = [line.split() for line in text_of(f"{root}/swaps").splitlines()[1:]]
    return {
        readable(unescaped(words[0])): {"type": words[1], "bytes": int(words[2]) * 1024, "priority": int(words[4])}
        for words in lines if len(words) == 5
    }  # fmt: skip


def interfaces(_: str, place: str) -> Facts:
    """A speed of -1, or one that cannot be read, is unknown: most virtual interfaces have none."""
    facts = {}
    for name in names(f"{place}/sys/class/net"):
        fact: Facts = several(
            f"{place}/sys/class/net/{name}", {"state": "operstate", "mtu": "mtu", "speed": "speed", "duplex": "duplex"}
        )
        speed = fact.pop("speed", "")
        if speed.isdecimal():
            fact["bits_per_second"] = int(speed) * 1_000_000
        if fact.get("duplex") == "unknown":
            del fact["duplex"]
        facts[name] = fact
    return facts


def sysctls(root: str, place: str) -> Facts:
    facts = {name.replace("/", "."): text for name in SYSCTLS if (text := word(f"{root}/sys/{name}"))}
    for name in ("enabled", "defrag"):
        if text := word(f"{place}/sys/kernel/mm/transparent_hugepage/{name}"):
            facts[f"transparent_hugepage.{name}"] = text.partition("[")[2].partition("]")[0]
    return facts


def several(folder: str, files: dict[str, str]) -> dict[str, str]:
    return {key: text for key, name in files.items() if (text := word(f"{folder}/{name}"))}


def names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))[:MOST]  # noqa: PTH208
    except OSError:
        return []


def word(path: str) -> str:
    """Return a file's text on one line, or nothing where it cannot be read."""
    return " ".join(text_of(path).split())


def text_of(path: str) -> str:
    try:
        return read_text(path)
    except (OSError, ValueError):
        return ""
