"""How long it takes to refuse a key, by what is wrong with it: samples, and whether they differ (Welch's t)."""

import gc
import random
import statistics
import time
from collections.abc import Callable, Mapping
from itertools import combinations

from appliance.errors import InvalidKey

KEPT = 0.5
"""The shorter part of all samples is kept: the longer ones say what else the machine did."""


def nanoseconds(refuse: Callable[[str], object], key: str) -> int:
    began = time.perf_counter_ns()
    try:
        refuse(key)
    except InvalidKey:
        return time.perf_counter_ns() - began
    raise AssertionError("the key was taken")


def measured(
    refuse: Callable[[str], object], keys: Mapping[str, list[str]], each: int, seed: int
) -> dict[str, list[int]]:
    """Return so many samples of each kind of key, taken in random order: what changes with time changes for all."""
    order = [kind for kind in keys for _ in range(each)]
    chosen = random.Random(seed)
    chosen.shuffle(order)
    found: dict[str, list[int]] = {kind: [] for kind in keys}
    gc.disable()
    try:
        for kind in order:
            found[kind].append(nanoseconds(refuse, chosen.choice(keys[kind])))
    finally:
        gc.enable()
    limit = sorted(sample for samples in found.values() for sample in samples)[int(KEPT * len(order))]
    return {kind: [sample for sample in samples if sample <= limit] for kind, samples in found.items()}


def welch(first: list[int], second: list[int]) -> float:
    """Return Welch's t of two sets of samples: beyond 4.5 their means differ."""
    spread = statistics.variance(first) / len(first) + statistics.variance(second) / len(second)
    return float((statistics.fmean(first) - statistics.fmean(second)) / spread**0.5)


def differences(samples: Mapping[str, list[int]]) -> dict[tuple[str, str], float]:
    return {pair: welch(samples[pair[0]], samples[pair[1]]) for pair in combinations(samples, 2)}
