"""A rule: data that say what is looked for and with which limits, and the check that looks for it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from appliance.analysis.findings.episodes import Episode, Watched
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.run import Run
from appliance.cgroup_metrics import CGROUPS
from appliance.errors import UsageError
from appliance.hardware_metrics import TIMEX
from appliance.metrics import CONTAINER, FILESYSTEMS, Metric
from appliance.recorder_metrics import SELF

Limits = Mapping[str, float]
Overrides = Mapping[str, Limits]
"""By rule: limits that take the place of its own."""


PLAIN = {
    CONTAINER: "the record of containers",
    CGROUPS: "the record of services",
    FILESYSTEMS: "the number of inodes",
    TIMEX: "the state of the clock",
    SELF: "the recorder's record of itself",
}
"""Sources that are no file, in words."""


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    title: str
    severity: Severity
    """The usual one; a check may give another."""
    resource: str
    needs: tuple[tuple[Metric, ...], ...]
    """Sets of metrics: with all of any one set the rule can look."""
    limits: Limits
    """By name; "enter" and "leave" are those of an episode, "seconds" its least length."""
    meaning: str
    next_steps: tuple[str, ...]
    check: Callable[["Rule", Run, Limits], Iterator[Finding]]
    """The first sentences of its module's docstring say where the limits come from."""
    who: tuple[Metric, ...] = ()
    """By what processes are ranked, summed; none where no process could be named."""
    hindrance: Callable[[Run], str] | None = None
    """Says why a rule cannot look although its metrics were recorded; nothing if it can."""

    def not_possible(self, run: Run) -> str:
        """Say why the rule cannot look at a run; nothing if it can."""
        if not any(run.has(*metrics) for metrics in self.needs):
            missing = dict.fromkeys(metric.source for metric in self.needs[0] if not run.has(metric))
            told = (run.facts.get("sources") or {}).get("not_collected")
            told = told if isinstance(told, dict) else {}
            return "; ".join(
                f"{PLAIN.get(source, source)} was not collected" + (f" ({told[source]})" if source in told else "")
                for source in missing
            )
        return self.hindrance(run) if self.hindrance else ""

    def with_limits(self, overrides: Overrides) -> Limits:
        own = overrides.get(self.id, {})
        if unknown := sorted(set(own) - set(self.limits)):
            raise UsageError(
                f"rule {self.id} has no limit {unknown[0]!r}: its limits are {', '.join(sorted(self.limits))}."
            )
        return {**self.limits, **own}

    def found(
        self, subject: str, episode: Episode, watched: Watched, sentence: str,
        limit: float | None, severity: Severity | None = None,
    ) -> Finding:  # fmt: skip
        """Return the finding of an episode."""
        return Finding(
            self.id, severity or self.severity, self.resource, subject, episode.start_ms, episode.end_ms, sentence,
            episode.evidence(watched.series, watched.title, watched.unit, limit),
        )  # fmt: skip
