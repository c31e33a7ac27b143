"""How long requests took: a histogram, as Prometheus has them."""

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper ends in seconds; one more bucket has what took longer."""


class Durations:
    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.sum_seconds = 0.0

    def add(self, seconds: float) -> None:
        self.sum_seconds += seconds
        self.counts[sum(seconds > end for end in BUCKETS)] += 1
