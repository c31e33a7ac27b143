"""Batches: samples that wait and go to a receiver together."""

from typing import NamedTuple

MAX_BYTES = 4 << 20


class Batch(NamedTuple):
    machine: str
    run: int
    samples: list[bytes]
    """Of one machine and run, in the order they were taken: lines of a recording, or the same between commas."""
    last: int
    """The number of the last one: what `remove` wants when the batch is done with."""
