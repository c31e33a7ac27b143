"""
Backups: copies of the tenants of a data folder, or of one, and of the registry, made while a receiver writes.

Each file is copied by SQLite itself, in one reading of it, so that it is one state of the tenant; the copy is examined
before it counts.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance import __version__
from appliance.errors import BadData, InputOutput, NotFound, Unavailable, UsageError
from appliance.store import any_schema, archive, identity, listing, registry, tenant, verify
from appliance.store.any_schema import Migrations
from appliance.store.archive import Kept, Manifest, Part, Step, Work, no_step


@dataclass(frozen=True, slots=True)
class Done:
    """An archive that was written."""

    path: Path
    bytes: int
    manifest: Manifest


def back_up(data: Path, output: Path, only: str | None = None, step: Step = no_step) -> Done:
    """
    Write a backup of a data folder, or of one tenant of it, into a new file or a folder.

    A tenant whose file is damaged is left out, which the manifest says; raise BadData if it is the one that was asked
    for. Raises also NotFound, Unavailable (a tenant was erased meanwhile) and the errors of `archive.created`.
    `step` is told of blocks that were examined.
    """
    names = listing.chosen(data, only)
    with created(data, output, only) as (target, work, made_ms):
        # First the registry: a key is in the backup of each tenant that is.
        keys = copied(data, "registry.sqlite", work.folder / "registry", registry.MIGRATIONS)
        with any_schema.reading(keys, registry.MIGRATIONS) as opened:
            names = listing.all_names(opened) if only is None else names
            damages = list(verify.structure(opened))
        if damages:
            raise BadData(f"the registry is damaged ({damages[0].what}): restore the whole data folder from a backup.")
        if only is not None:
            keep_only(keys, only)
        kept, left_out = [], {}
        for name in names:
            try:
                kept.append(keep(data, name, work, step))
            except BadData as error:
                if only is not None:
                    raise
                left_out[name] = error.message
        if not kept:
            why = " ".join(left_out.values()) or "there is no tenant yet."
            raise (BadData if left_out else NotFound)(f"there is nothing to back up in {data}: {why}")
        part = work.writer.add("registry.sqlite", keys, version_of(keys, registry.MIGRATIONS))
        manifest = described(data, archive.BACKUP, made_ms, part, kept, left_out, whole=only is None)
        work.writer.finish(manifest)
    return Done(target, target.stat().st_size, manifest)


def export_tenant(data: Path, output: Path, name: str, step: Step = no_step) -> Done:
    """
    Write one tenant into a new file or a folder, for another data folder: all but its keys.

    Raises NotFound, BadData (it is damaged) and the errors of `archive.created`.
    """
    listing.chosen(data, name)
    with created(data, output, name) as (target, work, made_ms):
        kept = keep(data, name, work, step)
        manifest = described(data, archive.TENANT, made_ms, None, [kept], {}, whole=False)
        work.writer.finish(manifest)
    return Done(target, target.stat().st_size, manifest)


@contextmanager
def created(data: Path, output: Path, name: str | None) -> Iterator[tuple[Path, Work, int]]:
    """Begin an archive; in a folder it gets a name that tells when it was made, and of which tenant."""
    made_ms = registry.now_ms()
    at = datetime.fromtimestamp(made_ms / 1000, UTC)
    of = "" if name is None else f"{name}-"
    target = output / f"perfanalysis-{of}{at:%Y%m%dT%H%M%SZ}.tar" if output.is_dir() else output
    if target.resolve().is_relative_to(data.resolve()):
        raise UsageError(f"{output} is in the data folder and would be lost with it: name another with --output.")
    with archive.created(target, made_ms) as work:
        yield target, work, made_ms


def keep(data: Path, name: str, work: Work, step: Step) -> Kept:
    """Copy a tenant into an archive; raise BadData if the copy is not all right."""
    path = tenant.folder_of(data, name) / "data.sqlite"
    if listing.is_gone(path):
        raise BadData(
            f"tenant {name!r} is not in this backup: its file is gone or was set aside, for it was damaged; "
            f"perfanalysis restore BACKUP --tenant {name} brings back an older state."
        )
    if not path.exists():
        if name not in listing.chosen(data, None):
            raise Unavailable(f"tenant {name!r} was erased meanwhile: try again.")
        return Kept(name, None)
    copy = copied(data, path.relative_to(data), work.folder / "tenant", tenant.MIGRATIONS)
    try:
        with any_schema.reading(copy, tenant.MIGRATIONS) as opened:
            schema = any_schema.version(opened)
            if schema == 0:
                # It was made in this moment, or a crash was faster than its first table.
                return Kept(name, None)
            found = verify.examine(opened, step)
        if found.damages:
            raise BadData(
                f"tenant {name!r} is damaged and not in this backup: {found.damages[0].what}; `perfanalysis verify "
                f"--tenant {name}` tells all."
            )
        part = work.writer.add(f"tenants/{path.parent.name}/data.sqlite", copy, schema)
        return Kept(name, part, found.machines, found.blocks, found.batches)
    finally:
        copy.unlink()


def copied(data: Path, file: Path | str, copy: Path, migrations: Migrations) -> Path:
    """Copy a file of a data folder, which may be written meanwhile, in one reading of it."""
    path = data / file
    try:
        with any_schema.reading(path, migrations, data) as opened:
            opened.execute_sql("VACUUM INTO ?", (str(copy),))
    except InputOutput as error:
        # Only the copy is written.
        raise InputOutput(
            f"the copy of {path} cannot be written to {copy.parent.parent} ({error.message}); nothing is left of it. "
            "Free space there, or name another place with --output."
        ) from error
    copy.chmod(0o600)
    return copy


def keep_only(keys: Path, name: str) -> None:
    """Remove all other tenants from a copy of the registry."""
    with any_schema.writing(keys) as opened:
        opened.execute_sql("PRAGMA secure_delete = 1")
        opened.execute_sql("DELETE FROM key WHERE tenant != ?", (name,))
        opened.execute_sql("DELETE FROM tenant WHERE id != ?", (name,))
        opened.execute_sql("VACUUM")


def version_of(path: Path, migrations: Migrations) -> int:
    with any_schema.reading(path, migrations) as opened:
        return any_schema.version(opened)


def described(
    data: Path, kind: str, made_ms: int, keys: Part | None, kept: list[Kept], left_out: dict[str, str], *, whole: bool
) -> Manifest:
    store = None
    with suppress(BadData):
        # One that is damaged can be made anew; what it names must be kept all the more.
        store = identity.read(data)
    store_id, epoch = (store.store_id, store.epoch) if store is not None else ("", 0)
    return Manifest(kind, made_ms, __version__, store_id, epoch, whole, keys, kept, left_out)
