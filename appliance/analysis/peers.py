"""Numbers of machines beside each other: who stands out from its peers, and what changed the most."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

LEAST_PEERS = 5
"""Fewer have no middle to speak of."""
LEAST_SCORE = 3.5
"""Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993): the limit of the modified z-score."""
NORMAL_MEDIAN, NORMAL_MEAN = 1.4826, 1.253314
"""A normal distribution's standard deviation over its median, and over its mean, distance from the middle."""


@dataclass(frozen=True, slots=True)
class Outlier:
    name: str
    value: float
    middle: float
    """The median of all."""
    score: float
    """Robust z: how many standard deviations of a normal distribution with their spread; below 0 for a low value."""


def outliers(values: Mapping[str, float | None], floor: float = 0.0) -> list[Outlier]:
    """
    Return the machines (by name) that are far from the median of all, the farthest first; none of fewer than five.

    None is "not known" and no peer. What is nearer to the median than `floor`, in the unit of the values, is no
    matter, however alike the others are.
    """
    known = {name: value for name, value in values.items() if value is not None}
    if len(known) < LEAST_PEERS:
        return []
    numbers = np.array(list(known.values()), np.float64)
    middle = float(np.median(numbers))
    distance = np.abs(numbers - middle)
    scale = NORMAL_MEDIAN * float(np.median(distance)) or NORMAL_MEAN * float(np.mean(distance))
    if not scale:
        return []
    found = [Outlier(name, value, middle, (value - middle) / scale) for name, value in known.items()]
    far = [one for one in found if abs(one.score) > LEAST_SCORE and abs(one.value - middle) >= floor]
    return sorted(far, key=lambda one: (-abs(one.score), one.name))


@dataclass(frozen=True, slots=True)
class Change:
    name: str
    before: float
    now: float

    @property
    def difference(self) -> float:
        return self.now - self.before


def changes(
    before: Mapping[str, float | None], now: Mapping[str, float | None], floor: float = 0.0, most: int = 10
) -> list[Change]:
    """Return the largest changes, either way, of what is known of both periods and changed by at least `floor`."""
    found = [
        Change(name, earlier, later)
        for name, later in now.items()
        if later is not None and (earlier := before.get(name)) is not None and later != earlier
    ]
    large = [one for one in found if abs(one.difference) >= floor]
    return sorted(large, key=lambda one: (-abs(one.difference), one.name))[:most]
