"""Whether what is stored is what was stored: every block decoded and its digest compared, every reference followed."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.errors import BadData, PerfanalysisError
from appliance.store import any_schema, blocks, listing, tenant
from appliance.store.archive import Step, no_step
from appliance.store.batches import Receipt
from appliance.store.database import LIBRARY_ERRORS, Database

MAX_LISTED = 20
"""How much of what SQLite finds wrong in a file is told: the first is as good as all."""
SLICE = 500
NOT_UNDERSTOOD = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Damage:
    what: str
    """A sentence without its full stop."""
    machine: str = ""
    group: str = ""
    start_ms: int | None = None
    end_ms: int | None = None


@dataclass(slots=True)
class Examined:
    """What was looked at in a tenant's file, and what is wrong with it."""

    machines: int = 0
    blocks: int = 0
    batches: int = 0
    damages: list[Damage] = field(default_factory=list)
    is_counted: bool = True
    """Whether the numbers are all: where a file cannot be read nobody knows what it had."""


def count_blocks(data: Path, only: str | None = None) -> int:
    """Return how many blocks there are to examine, as far as that can be told."""
    count = 0
    for path in [file_of(data, name) for name in listing.chosen(data, only)]:
        with suppress(PerfanalysisError), any_schema.reading(path, tenant.MIGRATIONS, data) as opened:
            count += opened.execute_sql("SELECT count(*) FROM block").fetchone()[0]
    return count


def examine_all(data: Path, only: str | None = None, step: Step = no_step) -> Iterator[tuple[str, Examined]]:
    """
    Examine the tenants of a data folder, or one, and give each when it is done; what is wrong with the registry comes
    first, under the name "". Raises NotFound, and the errors of `database.translated` for what is not damaged.
    """
    try:
        with listing.registered(data) as opened:
            yield "", Examined(damages=list(structure(opened)))
        names = listing.chosen(data, only)
    except BadData as error:
        yield "", Examined(damages=[Damage(error.message.removesuffix("."))])
        return
    for name in names:
        path = file_of(data, name)
        if not path.exists() or listing.is_gone(path):
            gone = [Damage("its file is gone, or was set aside, for it was damaged")]
            yield name, Examined(damages=gone, is_counted=False) if listing.is_gone(path) else Examined()
            continue
        try:
            with any_schema.reading(path, tenant.MIGRATIONS, data) as opened:
                yield name, examine(opened, step) if any_schema.version(opened) else Examined()
        except BadData as error:
            yield name, Examined(damages=[Damage(error.message.removesuffix("."))], is_counted=False)


def file_of(data: Path, name: str) -> Path:
    return tenant.folder_of(data, name) / "data.sqlite"


def examine(opened: Database, step: Step = no_step) -> Examined:
    """
    Look at all of a tenant's file that is open for reading; `step` is told of each block.

    A receiver may write meanwhile: no reading lasts, but for SQLite's own check of the file.
    """
    found = Examined(damages=list(structure(opened)))
    parts = {
        "its blocks": examine_blocks(opened, found, step),
        "its batches": examine_batches(opened, found),
        "the facts of its machines": examine_facts(opened),
    }
    for part, damages in parts.items():
        try:
            found.damages += damages
        except LIBRARY_ERRORS as error:
            found.is_counted = False
            found.damages.append(Damage(f"{part} cannot all be read ({error})"))
    return found


def structure(opened: Database) -> Iterator[Damage]:
    """Give what SQLite itself finds wrong with a file: its pages, its indices, and rows that name what is not there."""
    try:
        for (said,) in opened.execute_sql(f"PRAGMA integrity_check({MAX_LISTED})").fetchall():
            if said != "ok":
                yield Damage(f"the file is damaged ({said})")
        for table, row, parent, _ in opened.execute_sql("PRAGMA foreign_key_check").fetchmany(MAX_LISTED):
            yield Damage(f"row {row} of the table {table} names a {parent} that is not there")
    except LIBRARY_ERRORS as error:
        yield Damage(f"the file is damaged ({error})")


def examine_blocks(opened: Database, found: Examined, step: Step) -> Iterator[Damage]:
    names = dict(opened.execute_sql("SELECT id, name FROM machine").fetchall())
    found.machines = len(names)
    for machine in [id_ for (id_,) in opened.execute_sql("SELECT DISTINCT machine FROM block").fetchall()]:
        # From the index alone, so that a block that cannot be read is known by its machine, group and time.
        listed = opened.execute_sql(
            "SELECT id, kind, start_ms, end_ms FROM block WHERE machine = ? ORDER BY kind, start_ms, end_ms", (machine,)
        ).fetchall()
        for block, *about in listed:
            found.blocks += 1
            if (what := fault(opened, block)) is not None:
                yield Damage(what, names.get(machine, f"number {machine}"), *about)
            step(1)


def fault(opened: Database, block: int) -> str | None:
    """Say what is wrong with a block, or None; one that was merged into another or is too old is gone, not wrong."""
    try:
        row = opened.execute_sql(blocks.SELECT + "WHERE b.id = ?", (block,)).fetchone()
        if row is None:
            left = opened.execute_sql("SELECT 1 FROM block WHERE id = ?", (block,)).fetchone()
            return None if left is None else "its machine or its columns are not there"
        stored = blocks.Row(*row)
        at_ms = blocks.read(stored).at_ms
        span = opened.execute_sql("SELECT start_ms, end_ms, samples FROM block WHERE id = ?", (block,)).fetchone()
    except blocks.BadColumns:
        return "its columns are not those that were stored"
    except BadData:
        return "its values are not those that were stored"
    except LIBRARY_ERRORS as error:
        return f"it cannot be read ({error})"
    except NOT_UNDERSTOOD:
        return "its columns are not those that were stored"
    if span is not None and (not len(at_ms) or span != (int(at_ms[0]), int(at_ms[-1]), len(at_ms))):
        return "its values are of another time than the list says"
    return None


def examine_batches(opened: Database, found: Examined) -> Iterator[Damage]:
    for number, digest, text in rows(opened, "SELECT id, digest, receipt FROM batch"):
        found.batches += 1
        try:
            whole = Receipt(**json.loads(text)).batch == bytes(digest).hex()
        except NOT_UNDERSTOOD:
            whole = False
        if not whole:
            yield Damage(f"the receipt of batch {number} is not what was written")


def examine_facts(opened: Database) -> Iterator[Damage]:
    for number, text in rows(opened, "SELECT id, value FROM fact"):
        try:
            json.loads(text)
        except NOT_UNDERSTOOD:
            yield Damage(f"fact {number} of a machine is not what was written")


def rows(opened: Database, query: str) -> Iterator[tuple[Any, ...]]:
    """Give the rows of a query in slices by their number, so that no reading lasts."""
    last = -(2**62)
    while found := opened.execute_sql(f"{query} WHERE id > ? ORDER BY id LIMIT {SLICE}", (last,)).fetchall():
        yield from found
        last = found[-1][0]
