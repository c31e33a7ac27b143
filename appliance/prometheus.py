"""What a program of ours says of itself, in the Prometheus text format."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper ends in seconds; one more bucket has what took longer."""


class Durations:
    """How long requests took: a histogram."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.sum_seconds = 0.0

    def add(self, seconds: float) -> None:
        self.sum_seconds += seconds
        self.counts[sum(seconds > end for end in BUCKETS)] += 1


def head(name: str, kind: str, said: str) -> Iterator[str]:
    yield f"# HELP {name} {said}"
    yield f"# TYPE {name} {kind}"


def sample(name: str, value: float, labels: Mapping[str, str] | None = None) -> str:
    shown = ",".join(f'{label}="{escape(text)}"' for label, text in (labels or {}).items())
    return f"{name}{{{shown}}} {value}" if shown else f"{name} {value}"


def histogram(name: str, said: str, durations: Durations) -> Iterator[str]:
    yield from head(name, "histogram", said)
    total = 0
    for end, count in zip((*(f"{bucket:g}" for bucket in BUCKETS), "+Inf"), durations.counts, strict=True):
        total += count
        yield f'{name}_bucket{{le="{end}"}} {total}'
    yield f"{name}_sum {durations.sum_seconds:.6f}"
    yield f"{name}_count {total}"


def replace_file(path: Path, lines: Iterable[str]) -> None:
    """Replace a metrics file as a whole, for the textfile collector of node_exporter; raise OSError."""
    new = path.with_name(f".{path.name}.new")
    new.write_text("\n".join([*lines, ""]), "ascii")
    new.replace(path)


def escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
