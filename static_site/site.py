"""The static site: pages rendered from runs, a style sheet and a manifest, published as one folder."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import jinja2

from appliance import __version__
from appliance.analysis import findings
from appliance.analysis.run import Run
from appliance.errors import NoInput
from static_site import times
from static_site.environment import ASSETS, templates
from static_site.measures import measures
from static_site.names import slugs, visible
from static_site.pages import PAGES
from static_site.publish import GENERATOR, MANIFEST, publish
from static_site.report import Page, Report
from static_site.subject import Subject

STYLE = "a/pa.css"
# Nothing is fetched from anywhere, and what a stranger's name might smuggle in would not run. On file:// not every
# browser counts the site itself as 'self'.
POLICY = "default-src 'none'; style-src 'self' file:; img-src data:; base-uri 'none'; form-action 'none'"


def build(
    runs: Sequence[Run], output: Path, *, generated_ms: int | None = None, problems: Sequence[str] = (),
    earlier: Sequence[Run] = (),
) -> Path:  # fmt: skip
    """
    Write the site of some machines and return the path of its first page; the same input gives the same bytes.

    `generated_ms` is the end of the data if left out. `problems` are sentences about what could not be read, for the
    fleet page. `earlier` are the same machines' samples from before their runs, to compare with: of them, as long a
    time as the run's is taken. An older site in `output` is replaced. Raises NoInput without runs, UsageError for a
    folder that is no site, InputOutput.
    """
    if not runs:
        raise NoInput("there is nothing to report: no machine has data.")
    if generated_ms is None:
        generated_ms = max((run.end_ms for run in runs if len(run.at_ms)), default=None)
    addresses = slugs([run.machine_id for run in runs])
    names, before = Counter(run.name for run in runs), {run.machine_id: run for run in earlier}
    subjects = [
        Subject(
            run, addresses[run.machine_id], findings.check(run), names[run.name] > 1, before.get(run.machine_id),
        )
        for run in runs
    ]  # fmt: skip
    measured = {subject.slug: measures(subject) for subject in subjects}
    report = Report(subjects, problems, measured, generated_ms, __version__)
    files = {STYLE: (ASSETS / "pa.css").read_bytes()}
    environment = templates()
    for make in PAGES:
        for page in make(report):
            files[page.path] = render(environment, page, report)
    files[MANIFEST] = manifest(report, files)
    publish(files, output)
    return output / "index.html"


def render(environment: jinja2.Environment, page: Page, report: Report) -> bytes:
    generated = times.stretch(report.generated_ms, report.generated_ms) if report.generated_ms is not None else ""
    text = environment.get_template(page.template).render(
        page.values, root=page.root, style=STYLE, policy=POLICY, version=report.version, generated=generated,
        fleet=f"{page.root}index.html",
    )  # fmt: skip
    # A name from a file system may hold bytes that are no text at all.
    return text.encode("utf-8", "replace")


def manifest(report: Report, files: dict[str, bytes]) -> bytes:
    """Return what the site holds: machines, and the digest of every file."""
    machines = [
        {
            "id": subject.run.machine_id,
            "name": visible(subject.run.name),
            "path": f"m/{subject.slug}/index.html",
            "samples": subject.samples,
            "start_ms": subject.run.start_ms if subject.has_samples else None,
            "end_ms": subject.run.end_ms if subject.has_samples else None,
            "findings": len(subject.findings),
        }
        for subject in report.subjects
    ]
    content = {
        "generator": GENERATOR,
        "version": report.version,
        "generated_ms": report.generated_ms,
        "machines": machines,
        "files": {path: hashlib.sha256(body).hexdigest() for path, body in files.items()},
    }
    return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"
