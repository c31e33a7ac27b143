"""What a machine's pages were made from, as one digest: data, configuration and program. Equal digest, equal pages."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import static_site
from appliance import __version__, analysis
from appliance.analysis.run import Run
from static_site.environment import ASSETS, TEMPLATES
from static_site.settings import Settings
from static_site.subject import Subject

SOURCES = (Path(static_site.__file__).parent, Path(analysis.__file__).parent)


@cache
def program() -> str:
    """Return the version, and a digest of what is read at run time and of the sources that decide what a page says."""
    return f"{__version__} {of_files([*ASSETS.iterdir(), *TEMPLATES.iterdir()])} {of_sources(SOURCES)}"


def of_sources(folders: Sequence[Path]) -> str:
    """Digest all modules below some folders; in a frozen program there are none, and its version tells."""
    return of_files([path for folder in folders for path in folder.rglob("*.py")])


def of_files(paths: Sequence[Path]) -> str:
    found = hashlib.sha256()
    for path in sorted(paths):
        if path.is_file():
            content = path.read_bytes()
            found.update(f"{path.parent.name}/{path.name}\0{len(content)}\0".encode() + content)
    return found.hexdigest()


def of_subject(subject: Subject, settings: Settings) -> str:
    found = hashlib.sha256()
    chosen = asdict(subject.settings), settings.theme, settings.charts
    known = [program(), subject.slug, subject.shares_name, subject.whole_name, chosen]
    found.update(json.dumps(known, sort_keys=True, default=str).encode())
    for run in (subject.run, subject.earlier):
        if run is not None:
            add(found, run)
    return found.hexdigest()


def add(found: Any, run: Run) -> None:
    """Add all samples and facts of a run, in an order that does not depend on how they were read."""
    found.update(json.dumps([run.machine_id, run.name, run.facts], sort_keys=True, default=str).encode())
    for group in sorted(run.tables):
        table = run.tables[group]
        found.update(f"\0{group.value}\0".encode() + np.ascontiguousarray(table.at_ms).tobytes())
        for column in sorted(table.columns, key=lambda one: (one.metric.name, one.instance)):
            values = table.columns[column]
            numbers = np.ascontiguousarray(values.numbers)
            found.update(f"\0{column.metric.name}\0{column.instance!r}\0{numbers.dtype}\0".encode())
            found.update(numbers.tobytes())
            if values.present is not None:
                found.update(np.packbits(values.present).tobytes())


def of_all(digests: list[str]) -> str:
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()
