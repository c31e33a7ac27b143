"""Machines to draw, made from the texts that a recorder would have read."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from page_reader import Page, read

from appliance.analysis.run import Run
from appliance.formats.reading import read_file
from appliance.measurement import Measurement
from appliance.samples import from_measurements
from static_site.site import build

START = 1_767_225_600  # 2026-01-01 00:00:00 UTC
STEP = 10
TICKS = 100 * STEP
HOSTILE = [
    "</script><img src=x onerror=alert(1)>", "\"><svg onload=alert(1)>", "$x^{2}$", "{{7*7}}{% raw %}", "line\nbreak",
    "\u202egnp.exe", "x" * 4096, "<!--", "]]>", "javascript:alert(1)", "../../../etc/passwd", "%s %n {0.__class__}",
    "\x00\x1b[31m", "日本語", "\ud800",
]  # fmt: skip


def machine(
    busy: Sequence[float], machine_id: str = "web-1", *, name: str = "", times: Sequence[int] | None = None,
    sources: Mapping[str, Sequence[str]] | None = None, facts: Mapping[str, object] | None = None, booted: int = 1000,
) -> Run:  # fmt: skip
    """
    Return a machine of one CPU that was so busy (in percent) in the intervals before its samples, the first unknown.

    `times` are seconds after START; `sources` are the texts of other subsystems, one for each sample.
    """
    times = list(range(0, STEP * len(busy), STEP)) if times is None else times
    measurements = []
    user = idle = 10_000
    for number, (after, percent) in enumerate(zip(times, busy, strict=True)):
        user, idle = user + round(TICKS * percent / 100), idle + round(TICKS * (1 - percent / 100))
        measurements.append(Measurement(START + after, "/proc/stat", stat([(user, idle)], booted)))
        for subsystem, texts in (sources or {}).items():
            measurements.append(Measurement(START + after, subsystem, texts[number]))
    return run_of(measurements, machine_id, name, facts)


def run_of(
    measurements: Iterable[Measurement], machine_id: str = "web-1", name: str = "",
    facts: Mapping[str, object] | None = None,
) -> Run:  # fmt: skip
    parsed = from_measurements(measurements, "m")
    return Run(machine_id, parsed.samples, {**parsed.facts, **(facts or {})}, name)


def recorded(folder: Path) -> Run:
    """A machine from the folder of its recording."""
    parsed = [read_file(path) for path in (folder / "host.json", folder / "containers.json") if path.exists()]
    facts = {name: fact for one in parsed for name, fact in one.facts.items()}
    return Run(folder.name, [part for one in parsed for part in one.samples], facts)


def stat(cpus: Sequence[tuple[int, int]], booted: int = 1000) -> str:
    """/proc/stat of CPUs that had so many ticks of user and idle time."""
    every = (sum(user for user, _ in cpus), sum(idle for _, idle in cpus))
    lines = [f"cpu  {every[0]} 0 0 {every[1]} 0 0 0 0 0 0"]
    lines += [f"cpu{number} {user} 0 0 {idle} 0 0 0 0 0 0" for number, (user, idle) in enumerate(cpus)]
    return "\n".join([*lines, f"btime {booted}", "procs_running 2", "procs_blocked 0", ""])


def disk(name: str, written_sectors: int) -> str:
    return f"   8       0 {name} 1 0 8 1 {written_sectors} 0 {written_sectors} 5 0 6 7\n"


def interface(name: str, received: int) -> str:
    heads = "Inter-|   Receive |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes\n"
    return f"{heads}  {name}: {received} 1 0 0 0 0 0 0 {received} 1 0 0 0 0 0 0\n"


def mount(point: str, available: int) -> str:
    return json.dumps(
        {
            "mount_point": point, "block_size": 4096, "blocks_total": 1000, "blocks_free": available,
            "blocks_available": available,
        }
    )  # fmt: skip


def memory(total_kb: int, available_kb: int, swap_kb: int = 0, swap_free_kb: int = 0) -> str:
    return (
        f"MemTotal: {total_kb} kB\nMemFree: 1 kB\nMemAvailable: {available_kb} kB\nBuffers: 1 kB\nCached: 2 kB\n"
        f"SwapTotal: {swap_kb} kB\nSwapFree: {swap_free_kb} kB\n"
    )


def container(identity: str, number: int, name: str = "") -> str:
    return json.dumps(
        {
            "container_id": identity, "container_name": name, "runtime": "docker", "cpu_usage_usec": number * 1_000_000,
            "cpu_periods": number * 100, "cpu_throttled": number * 50, "cpu_throttled_usec": number * 1000,
            "cpu_quota": 50_000, "cpu_period": 100_000, "memory_current": 1_000_000 + number,
        }
    )  # fmt: skip


def full(machine_id: str = "web-1", name: str = "", device: str = "sda", n: int = 30) -> Run:
    """A machine with something of every section."""
    sources = {
        "/proc/meminfo": [memory(1000, 600 - number, 500, 400 - number) for number in range(n)],
        "/proc/diskstats": [disk(safe(device), 1000 * number) for number in range(n)],
        "/proc/net/dev": [interface(safe(device), 5000 * number) for number in range(n)],
        "statfs[*]": [mount(device, 900 - 10 * number) for number in range(n)],
        "/proc/pressure/cpu": [f"some avg10=0 avg60=0 avg300=0 total={number * 4_000_000}\n" for number in range(n)],
        "container/docker/0123": [container(safe(device), number, device) for number in range(n)],
    }
    facts = {"cpuinfo": {"model_name": device, "total_cpus": 1}}
    return machine([99.0] * n, machine_id, name=name, sources=sources, facts=facts)


def safe(name: str) -> str:
    """What a kernel could print as the name of a device: no white space."""
    return re.sub(r"\s", "_", name)


def built(tmp_path: Path, *runs: Run, problems: tuple[str, ...] = ()) -> dict[str, Page]:
    index = build(runs, tmp_path / "site", problems=problems)
    return {str(path.relative_to(index.parent)): read(path) for path in index.parent.rglob("*.html")}
