"""Work on several machines at once, in processes that begin with all that was read: nothing is sent to them."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any, TypeVar

T = TypeVar("T")

LEAST_ROWS = 20_000
"""Below this, starting processes takes longer than they save."""


def each(make: Callable[[int], T], numbers: Sequence[int], weights: Sequence[int]) -> list[T]:
    """Return what `make` gives for each number, in order; `weights` say how much there is to do for each."""
    workers = min(len(os.sched_getaffinity(0)), len(numbers))
    if workers < 2 or sum(weights) < LEAST_ROWS:
        return [make(number) for number in numbers]
    # The heaviest first, to the one with the least to do.
    shares: list[list[int]] = [[] for _ in range(workers)]
    loads = [0] * workers
    for place in sorted(range(len(numbers)), key=lambda place: -weights[place]):
        least = loads.index(min(loads))
        shares[least].append(place)
        loads[least] += weights[place] + 1
    found: dict[int, T] = dict(together(make, numbers, shares))
    return [found[place] for place in range(len(numbers))]


def together(
    make: Callable[[int], T], numbers: Sequence[int], shares: Sequence[Sequence[int]]
) -> Iterator[tuple[int, T]]:
    context = multiprocessing.get_context("fork")
    running = []
    for share in shares:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(make, [(place, numbers[place]) for place in share], theirs))
        process.start()
        theirs.close()
        running.append((process, ours, len(share)))
    try:
        for process, ours, count in running:
            for _ in range(count):
                try:
                    place, made, error = ours.recv()
                except EOFError:
                    process.join()
                    raise ChildProcessError(f"a process that drew pages ended with {process.exitcode}") from None
                if error is not None:
                    raise error
                yield place, made
            process.join()
    finally:
        for process, ours, _ in running:
            ours.close()
            if process.is_alive():
                process.terminate()
            process.join()


def work(make: Callable[[int], Any], share: Sequence[tuple[int, int]], answers: Connection) -> None:
    for place, number in share:
        try:
            made = make(number)
        except Exception as error:  # noqa: BLE001 - it is raised again where the answers are read
            answers.send((place, None, error))
            return
        answers.send((place, made, None))
    answers.close()
