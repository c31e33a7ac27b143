"""How everything was measured: rules for all numbers, findings with their limits, definitions and the catalogue."""

import inspect
import sys
from collections.abc import Iterator

from appliance.analysis import findings
from appliance.metrics import METRICS, Group
from static_site import units
from static_site.content import Cell, Head, Note, Section, Table
from static_site.report import Page, Report
from static_site.sections.method import DEFINITIONS, HEADS, RULES, described


def pages(report: Report) -> Iterator[Page]:
    definitions = [described(definition, definition.metrics) for definition in DEFINITIONS]
    sections = [
        Section("rates", "Rates, gaps and percentiles", "", [Note(rule) for rule in RULES]),
        Section(
            "rules",
            "Rules of the findings",
            f"{units.counted(len(findings.RULES), 'rule')} look at every machine.",
            [rules()],
        ),
        Section(
            "definitions",
            "Definitions",
            "What is shown, and what it is computed from.",
            [Table("definitions-table", "What is shown, and how it is computed", HEADS, definitions)],
        ),
        Section(
            "catalogue",
            "Catalogue",
            f"{units.counted(len(METRICS), 'metric')} can be collected.",
            [catalogue(group) for group in Group if any(one.group is group for one in METRICS.values())],
        ),
        Section("limits", "Limits", "", [Note(limit) for limit in LIMITS]),
    ]
    verdict = (
        "Every number of this site is computed from counters and gauges as the kernel gave them, as this page says."
    )
    context = [("Program", f"perfanalysis {report.version}")]
    yield Page(
        "method.html", "Method", verdict, sections, context=context, until_ms=report.generated_ms, digest=report.digest
    )


LIMITS = (
    "What happens between two samples is seen only in counters: a gauge, such as memory in use, may have been higher.",
    "A percentile is that of intervals, not of requests: the mean of an interval hides its slowest request.",
    "Shares of CPU time on a virtual machine are those that its kernel sees.",
)


def rules() -> Table:
    """Return the rules: what each module says of itself, and its limits."""
    rows = []
    for rule in findings.RULES:
        module = sys.modules[rule.check.__module__]
        why = inspect.cleandoc(module.__doc__ or "").partition("\n\n")[2]
        limits = [f"{name.replace('_', ' ')}: {value:.10g}" for name, value in rule.limits.items()]
        rows.append([Cell(rule.id), Cell(rule.title), Cell("\n".join(limits)), Cell(" ".join(why.split()))])
    heads = [Head("rule", False), Head("what", False), Head("limits", False), Head("why", False)]
    return Table("rules-table", "Rules, in the order in which they look", heads, rows)


def catalogue(group: Group) -> Table:
    heads = [
        Head("metric", False),
        Head("unit", False),
        Head("kind", False),
        Head("per", False),
        Head("source", False),
        Head("meaning", False),
    ]
    rows = [
        [Cell(text) for text in (one.name, one.unit.value, one.kind.value, one.per, one.source, one.sentence)]
        for one in METRICS.values()
        if one.group is group
    ]
    return Table(f"catalogue-{group.value}", f"Metrics: {group.value.replace('_', ' ')}", heads, rows)
