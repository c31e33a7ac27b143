"""
Labelled machines: what /proc said in a made-up hour, and what an operator would say was wrong.

Labels are an operator's words for the story of a case; none of them is computed from a rule's limit.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from appliance.measurement import Measurement

START = 1_780_000_000
SHAPES = ((1, 1), (10, 4), (60, 16))
"""Seconds between samples and number of CPUs."""


@dataclass(frozen=True)
class Case:
    name: str
    expected: frozenset[str]
    """Rules that must speak, of those that ask for an admin: empty for a machine that is well."""
    interval_seconds: int
    cpus: int
    seed: int
    minutes: tuple[float, float] = (0.0, 0.0)
    """From when to when the story lasts, of an hour."""
    share: dict[str, float] = field(default_factory=dict)
    """Shares of the time of the CPUs meanwhile, by mode."""
    one_cpu: bool = False
    """Only CPU 0 does it."""
    swapped_pages: float = 0.0
    """Pages swapped in and out a second meanwhile."""


STORIES: dict[str, tuple[str, float, dict[str, float], bool, float]] = {
    # rule that must speak or "", minutes that it lasts, shares, one CPU only, pages swapped a second
    "every CPU computes": ("cpu-saturated", 30, {"user": 0.98}, False, 0),
    "the kernel takes every CPU": ("cpu-saturated", 20, {"system": 0.97}, False, 0),
    "a neighbour takes the CPUs": ("steal", 30, {"steal": 0.3, "user": 0.4}, False, 0),
    "a disk that hardly answers": ("io-wait", 25, {"iowait": 0.8}, False, 0),
    "memory goes to swap and back": ("swapping", 20, {"user": 0.3}, False, 2500),
    "busy but with room": ("", 50, {"user": 0.7}, False, 0),
    "a build of twenty seconds": ("", 1 / 3, {"user": 0.98}, False, 0),
    "a little steal": ("", 50, {"steal": 0.02, "user": 0.4}, False, 0),
    "a backup that waits a little": ("", 30, {"iowait": 0.12}, False, 0),
    "a page of swap now and then": ("", 50, {"user": 0.2}, False, 2),
    "nothing happens": ("", 0, {}, False, 0),
}
ONE_CORE: dict[str, tuple[str, float, dict[str, float], bool, float]] = {
    "one thread computes": ("core-saturated", 30, {"user": 0.995}, True, 0),
    "one CPU is half busy": ("", 40, {"user": 0.5}, True, 0),
}


def cases(seed: int = 0) -> Iterator[Case]:
    """Give every story on every shape of machine."""
    for interval_seconds, cpus in SHAPES:
        for name, (rule, minutes, share, one_cpu, pages) in {**STORIES, **(ONE_CORE if cpus > 1 else {})}.items():
            seed += 1
            begin = 3 + seed % 5
            expected = frozenset({rule} if rule else ())
            yield Case(name, expected, interval_seconds, cpus, seed, (begin, begin + minutes), share, one_cpu, pages)


def measurements(case: Case) -> Iterator[Measurement]:
    """Give the texts that a recorder would have stored in the hour of a case."""
    noise = np.random.default_rng(case.seed)
    modes = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    ticks = np.zeros((case.cpus, len(modes)))
    pages = 0.0
    for second in range(0, 3600, case.interval_seconds):
        during = case.minutes[0] * 60 < second <= case.minutes[1] * 60
        for cpu in range(case.cpus):
            told = case.share if during and (cpu == 0 or not case.one_cpu) else {"user": 0.03}
            share = np.array([told.get(mode, 0.0) for mode in modes]) * noise.uniform(0.985, 1.005, len(modes))
            share[modes.index("idle")] += max(0.0, 1 - share.sum())
            ticks[cpu] += share / share.sum() * 100 * case.interval_seconds
        pages += case.swapped_pages * case.interval_seconds * noise.uniform(0.8, 1.2) if during else 0.0
        rows = [("cpu", np.round(ticks).sum(axis=0)), *((f"cpu{n}", np.round(row)) for n, row in enumerate(ticks))]
        stat = "".join(f"{name} {' '.join(str(int(value)) for value in row)} 0 0\n" for name, row in rows)
        at = float(START + second)
        yield Measurement(
            at, "/proc/stat", stat + f"ctxt 1\nbtime {START - 90_000}\nprocs_running 1\nprocs_blocked 0\n"
        )
        yield Measurement(at, "/proc/uptime", f"{90_000 + second}.00 1.00\n")
        yield Measurement(at, "/proc/vmstat", f"pswpin {int(pages / 2)}\npswpout {int(pages / 2)}\n")
