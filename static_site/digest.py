"""What a machine's pages were made from, as one digest: data, configuration and program. Equal digest, equal pages."""

import hashlib
import json
from dataclasses import asdict
from functools import cache
from typing import Any

import numpy as np

from appliance import __version__
from appliance.analysis.run import Run
from static_site.environment import ASSETS, TEMPLATES
from static_site.settings import Settings
from static_site.subject import Subject


@cache
def program() -> str:
    """Return the version, and a digest of what is read at run time."""
    found = hashlib.sha256()
    for path in sorted([*ASSETS.iterdir(), *TEMPLATES.iterdir()]):
        if path.is_file():
            found.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"{__version__} {found.hexdigest()}"


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
