"""The times of samples: how many there are, in little memory however many that is."""

import numpy as np

from appliance.samples import Samples, Times, distinct
from appliance.store import codec


class Stretch:
    """Times in order; packed, those at regular intervals take no room."""

    def __init__(self, at_ms: Times) -> None:
        self.first_ms, self.last_ms, self.count = int(at_ms[0]), int(at_ms[-1]), len(at_ms)
        self.at_ms: Times | None = at_ms
        self.packed = b"", b""

    def pack(self) -> None:
        if self.at_ms is not None:
            self.packed, self.at_ms = codec.encode(self.at_ms, []), None

    def times(self) -> Times:
        return codec.decode(*self.packed)[0] if self.at_ms is None else self.at_ms


class Seen:
    """Counts samples: different times of different machines and runs, whatever the groups they came in."""

    def __init__(self) -> None:
        self.stretches: dict[tuple[str, int], list[Stretch]] = {}

    def add(self, samples: Samples) -> None:
        stretches = self.stretches.setdefault((samples.machine, samples.run), [])
        first_ms, last_ms = int(samples.at_ms[0]), int(samples.at_ms[-1])
        touching = [stretch for stretch in stretches if stretch.first_ms <= last_ms and first_ms <= stretch.last_ms]
        if not touching:
            if stretches:
                stretches[-1].pack()
            stretches.append(Stretch(samples.at_ms))
            return
        # Groups that were read together have the same times.
        if len(touching) == 1 and np.array_equal(touching[0].times(), samples.at_ms):
            return
        joined = Stretch(distinct([*(stretch.times() for stretch in touching), samples.at_ms]))
        stretches[:] = [stretch for stretch in stretches if stretch not in touching] + [joined]

    def count(self) -> int:
        return sum(stretch.count for stretches in self.stretches.values() for stretch in stretches)

    def has(self, machine: str, run: int, at_ms: int) -> bool:
        return any(
            stretch.first_ms <= at_ms <= stretch.last_ms and at_ms in stretch.times()
            for stretch in self.stretches.get((machine, run), ())
        )

    def span(self) -> tuple[int | None, int | None]:
        """Return the first and the last time, or None for both."""
        every = [stretch for stretches in self.stretches.values() for stretch in stretches]
        return (
            min((stretch.first_ms for stretch in every), default=None),
            max((stretch.last_ms for stretch in every), default=None),
        )
