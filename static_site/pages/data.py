"""Every file that the site offers, with its rows, columns, size and SHA-256."""

from collections.abc import Iterator

from static_site import units
from static_site.content import Cell, Head, Note, Section, Table
from static_site.names import slug
from static_site.report import Page, Report


def pages(report: Report) -> Iterator[Page]:
    heads = [Head("file", False), Head("rows"), Head("columns"), Head("size"), Head("SHA-256", False)]
    sections = [
        Section(
            f"of-{slug(machine.slug)}",
            machine.shown,
            "",
            [
                Table(
                    f"files-{machine.slug}",
                    f"Files of {machine.shown}",
                    heads,
                    [
                        [
                            Cell(one.what, href=one.path),
                            Cell(units.grouped(one.rows)),
                            Cell(units.grouped(one.columns)),
                            Cell(units.text(one.size, units.BYTES)),
                            Cell(one.digest),
                        ]
                        for one in machine.downloads
                    ],
                )
            ],
        )
        for machine in sorted(report.machines, key=lambda one: (one.shown, one.machine_id))
        if machine.downloads
    ]
    how = Section(
        "format",
        "How to read them",
        "",
        [
            Note(
                "Each file holds what one chart shows: every sample, or mean, 5th and 95th percentile and maximum of "
                "each stretch of time where there are more samples than the chart has room for."
            ),
            Note(
                "The first two columns are the time, as ISO 8601 with its offset and as seconds since 1970; the time "
                "of a stretch is its beginning. Numbers are in base units, which the names of the columns end in. An "
                "empty field is no data, never zero."
            ),
        ],
    )
    count = sum(len(machine.downloads) for machine in report.machines)
    size = sum(one.size for machine in report.machines for one in machine.downloads)
    verdict = (
        f"{units.counted(count, 'file')}, {units.text(size, units.BYTES)} in all."
        if count
        else "The site has no charts and no files."
    )
    yield Page("data.html", "Data", verdict, [*sections, how], until_ms=report.generated_ms, digest=report.digest)
