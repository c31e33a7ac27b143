"""The static site: pages rendered from runs, a style sheet and a manifest, published as one folder."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from appliance import __version__
from appliance.analysis import findings
from appliance.analysis.run import Run
from appliance.errors import NoInput
from static_site import digest, parallel
from static_site.chapters import RESOURCES
from static_site.drawing import POLICY, STYLE, Drawn, draw, render, unchanged
from static_site.environment import ASSETS, templates
from static_site.names import slug, slugs
from static_site.pages import PAGES
from static_site.publish import GENERATOR, MANIFEST, publish
from static_site.report import Report
from static_site.settings import DEFAULTS, Settings
from static_site.subject import Subject


def build(
    runs: Sequence[Run], output: Path, *, generated_ms: int | None = None, problems: Sequence[str] = (),
    earlier: Sequence[Run] = (), settings: Settings = DEFAULTS, tell: Callable[[int, int], None] | None = None,
) -> Path:  # fmt: skip
    """
    Write the site of some machines and return the path of its first page; the same input gives the same bytes.

    `generated_ms` is the end of the data if left out. `problems` are sentences about what could not be read, for the
    fleet page. `earlier` are the same machines' samples from before their runs, to compare with: of them, as long a
    time as the run's is taken. An older site in `output` is replaced; the pages of machines whose data, settings and
    program are the same are taken from it. `tell` is called with (machines to draw, machines).
    Raises NoInput without runs, UsageError for a folder that is no site, InputOutput.
    """
    if not runs:
        raise NoInput("there is nothing to report: no machine has data.")
    if generated_ms is None:
        generated_ms = max((run.end_ms for run in runs if len(run.at_ms)), default=None)
    before = manifest_of(output)
    subjects = subjects_of(runs, earlier, settings)
    made_from = [digest.of_subject(subject, settings) for subject in subjects]
    drawn: list[Drawn | None] = [
        unchanged(output, before, subject.slug, one) for subject, one in zip(subjects, made_from, strict=True)
    ]
    waiting = [number for number, one in enumerate(drawn) if one is None]
    if tell is not None:
        tell(len(waiting), len(subjects))

    def make(number: int) -> Drawn:
        subject = subjects[number]
        examined = findings.examine(subject.run)
        subject.findings.extend(examined.findings)
        return draw(replace(subject, examined=examined), settings, __version__, made_from[number])

    weights = [sum(len(table.at_ms) for table in subjects[number].run.tables.values()) for number in waiting]
    for number, one in zip(waiting, parallel.each(make, waiting, weights), strict=True):
        drawn[number] = one
    machines = [one for one in drawn if one is not None]
    report = Report([one.summary for one in machines], problems, generated_ms, __version__, digest.of_all(made_from))
    files = {STYLE: (ASSETS / "pa.css").read_bytes()}
    for one in machines:
        files.update(one.files)
    environment = templates()
    for pages in PAGES:
        for page in pages(report):
            files[page.path] = render(environment, page, settings, __version__)
    moved = redirects(report, settings, before)
    for old, new in moved.items():
        files.update(stubs(old, new))
    files[MANIFEST] = manifest(report, files, moved)
    publish(files, output)
    return output / "index.html"


def subjects_of(runs: Sequence[Run], earlier: Sequence[Run], settings: Settings) -> list[Subject]:
    addresses = slugs([run.machine_id for run in runs])
    chosen = {run.machine_id: settings.of(run.machine_id) for run in runs}
    names = Counter(chosen[run.machine_id].name or run.name for run in runs)
    before = {run.machine_id: run for run in earlier}
    return [
        Subject(
            run, addresses[run.machine_id], [], names[chosen[run.machine_id].name or run.name] > 1,
            before.get(run.machine_id), chosen[run.machine_id],
        )
        for run in runs
    ]  # fmt: skip


def manifest_of(output: Path) -> dict[str, Any]:
    """Return the manifest of the site that is there; empty if there is none that can be read."""
    try:
        found = json.loads((output / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("generator") == GENERATOR else {}


def redirects(report: Report, settings: Settings, before: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses that machines had before, with those they have: as settings say, and as the old site was."""
    now = {machine.machine_id: machine.slug for machine in report.machines}
    taken = set(now.values())
    found = {
        slug(old): now[machine_id]
        for machine_id, chosen in settings.machines.items() if machine_id in now
        for old in chosen.formerly
    }  # fmt: skip
    for machine in before.get("machines") or []:
        path, machine_id = str(machine.get("path", "")), machine.get("id")
        if machine_id in now and path.startswith("m/"):
            found.setdefault(path.split("/")[1], now[machine_id])
    for old, new in (before.get("redirects") or {}).items():
        # Where it led to may have moved itself.
        found.setdefault(slug(str(old)), found.get(new, new))
    return {old: new for old, new in sorted(found.items()) if old not in taken and new in taken}


def stubs(old: str, new: str) -> dict[str, bytes]:
    template = templates().get_template("moved.html")
    names = ["index.html", *(f"{resource.slug}.html" for resource in RESOURCES)]
    return {
        f"m/{old}/{name}": template.render(to=f"../{new}/{name}", policy=POLICY, style=STYLE).encode() for name in names
    }


def manifest(report: Report, files: Mapping[str, bytes], moved: Mapping[str, str]) -> bytes:
    """Return what the site holds: machines, and the digest of every file."""
    machines = [
        {
            "id": machine.machine_id,
            "name": machine.name,
            "path": machine.href,
            "samples": machine.samples,
            "start_ms": machine.start_ms,
            "end_ms": machine.end_ms,
            "findings": len(machine.lines),
            "made_from": machine.digest,
        }
        for machine in report.machines
    ]
    content = {
        "generator": GENERATOR,
        "version": report.version,
        "generated_ms": report.generated_ms,
        "data": report.digest,
        "machines": machines,
        "redirects": dict(moved),
        "files": {path: hashlib.sha256(body).hexdigest() for path, body in files.items()},
    }
    return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"
