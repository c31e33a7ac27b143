"""
Restoring: tenants of a backup, or an exported one, into a data folder; all is examined before anything changes.

What a restored store had acknowledged since is not in it any more: its epoch is advanced, so that collectors offer
again what they kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from appliance.errors import BadConfiguration, BadData, CannotCreate, NotFound
from appliance.store import any_schema, archive, change, claim, database, identity, listing, registry, tenant, verify
from appliance.store.archive import Kept, Manifest, Part, Reader, Step, no_step
from appliance.store.change import Change
from appliance.store.registry import Registry


@dataclass(frozen=True, slots=True)
class Restored:
    manifest: Manifest
    tenants: Sequence[Kept]
    removed: Sequence[str] = ()
    """Tenants that were there and are not in the backup."""
    revoked: int = 0
    """Keys that are valid in the backup and were revoked since: they stay revoked."""
    keys_came: bool = False
    """Whether keys came from the backup; else those of today stay."""


@dataclass(frozen=True, slots=True)
class Imported:
    name: str
    kept: Kept
    replaced: bool
    """Whether there was one of that name, which had data."""


@dataclass(frozen=True, slots=True)
class Here:
    """What a data folder has now."""

    tenants: Sequence[str] = ()
    damaged: bool = False
    """Its registry cannot be read."""
    keys: int = 0
    revoked: dict[str, int] = field(default_factory=dict)
    """When keys were revoked, by their id."""


def restore(
    data: Path, path: Path, only: str | None = None, *, replace: bool = False, step: Step = no_step
) -> Restored:
    """
    Restore all tenants of a backup and the registry, or one tenant; `step` is told of its bytes, twice.

    A tenant that is there is replaced only where that is asked for, and so is the whole of a folder that has tenants.
    Raises the errors of `archive.opened`, `claim.claimed` and `change.decide`, NotFound, CannotCreate (something is
    there) and BadData: then nothing was changed.
    """
    with archive.opened(path, archive.BACKUP, step) as reader, claim.claimed(data, "perfanalysis restore"):
        manifest = reader.manifest
        if only is None and not manifest.whole:
            only = manifest.names[0]
        # What is damaged of it is told now: once all is decided, its epoch must be advanced.
        identity.read(data)
        chosen = manifest.tenants if only is None else [named(manifest, only, path)]
        here = look(data)
        if not replace:
            refuse_what_is_there(data, here, chosen, only)
        elif only is not None and here.damaged:
            raise BadData(f"{data / 'registry.sqlite'} is damaged: restore the whole backup, without --tenant.")
        with change.unchanged(data), change.staged(data) as staging:
            for kept in chosen:
                arrive(reader, kept, kept.name, staging / "new", step)
            if manifest.registry is None:
                raise BadData(f"{path} has no registry in it: use another backup. Nothing was changed.")
            revoked = keys_arrive(reader, manifest.registry, staging, here)
            removed = [] if only is not None else sorted({*here.tenants} - {*manifest.names} - {*manifest.left_out})
            keys_came = only is None or only not in here.tenants
            decided = Change(
                staging.name,
                placed=[folder_name(kept.name) for kept in chosen],
                removed=[f"tenants/{folder_name(name)}" for name in removed],
                registry_placed=here.damaged,
                registry_replaced=only is None and not here.damaged,
                added=[] if only is None else [only],
                older=True,
            )
            decide(data, decided)
    return Restored(manifest, chosen, removed, revoked if keys_came else 0, keys_came)


def import_tenant(data: Path, path: Path, name: str = "", *, replace: bool = False, step: Step = no_step) -> Imported:
    """
    Take an exported tenant into a data folder, under a name of its own if one is given; it has no keys there.

    Raises what `restore` does.
    """
    with archive.opened(path, archive.TENANT, step) as reader, claim.claimed(data, "perfanalysis tenant import"):
        kept = reader.manifest.tenants[0]
        name = name or kept.name
        identity.read(data)
        here = look(data)
        if here.damaged:
            raise BadData(f"{data / 'registry.sqlite'} is damaged: restore it from a backup first.")
        there = has_data(data, name)
        if there and not replace:
            raise CannotCreate(
                f"tenant {name!r} is there already and stays as it is: --as NAME imports it under another name, "
                "--replace puts this one in its place."
            )
        with change.unchanged(data), change.staged(data) as staging:
            coming = Registry(staging)
            coming.create_tenant(name)
            coming.close()
            arrive(reader, kept, name, staging / "new", step)
            decide(data, Change(staging.name, placed=[folder_name(name)], added=[name], older=there))
    return Imported(name, kept, there)


def named(manifest: Manifest, name: str, path: Path) -> Kept:
    if name in manifest.left_out:
        raise NotFound(
            f"{path} does not have tenant {name!r}: it was damaged when the backup was made. Use an older one."
        )
    for kept in manifest.tenants:
        if kept.name == name:
            return kept
    raise NotFound(f"{path} has no tenant {name[:80]!r}: it has {registry.listed(manifest.names)}.")


def look(data: Path) -> Here:
    """Say what a data folder has, which may be nothing."""
    path = data / "registry.sqlite"
    if not path.exists():
        return Here()
    try:
        with any_schema.reading(path, registry.MIGRATIONS) as opened:
            if any_schema.version(opened) == 0:
                return Here()
            if next(iter(verify.structure(opened)), None) is not None:
                return Here(damaged=True)
            revoked = opened.execute_sql("SELECT id, revoked_ms FROM key WHERE revoked_ms IS NOT NULL").fetchall()
            (keys,) = opened.execute_sql("SELECT count(*) FROM key").fetchone()
            return Here(listing.all_names(opened), keys=keys, revoked=dict(revoked))
    except BadData:
        return Here(damaged=True)


def refuse_what_is_there(data: Path, here: Here, chosen: Sequence[Kept], only: str | None) -> None:
    # A receiver that was started once has made a tenant, which nobody may have used.
    if only is None and (here.damaged or here.keys or any(has_data(data, name) for name in here.tenants)):
        what = f"has tenants ({registry.listed(list(here.tenants))})" if here.tenants else "has a damaged registry"
        raise CannotCreate(
            f"{data} {what}: nothing was changed. --replace puts the backup in the place of all of it, "
            "--tenant NAME restores one, --data names another folder."
        )
    if only is not None and any(has_data(data, kept.name) for kept in chosen):
        raise CannotCreate(
            f"tenant {only!r} is there already: nothing was changed. --replace puts the backup in its place."
        )


def has_data(data: Path, name: str) -> bool:
    return (tenant.folder_of(data, name) / "data.sqlite").exists()


def folder_name(name: str) -> str:
    return tenant.folder_of(Path(), name).name


def arrive(reader: Reader, kept: Kept, name: str, new: Path, step: Step) -> None:
    """Bring a tenant's folder to the place where it waits, examined and of today's schema."""
    folder = new / folder_name(name)
    path = folder / "data.sqlite"
    folder.mkdir(mode=0o700)
    if (part := kept.part) is None:
        return
    check_known(part, tenant.MIGRATIONS, reader.path)
    reader.extract(part, path)
    # Where there is one and no file beside it, a file is missing.
    (folder / "TENANT").touch(mode=0o600)
    (folder / "TENANT").write_text(name + "\n")
    with any_schema.reading(path, tenant.MIGRATIONS) as opened:
        any_schema.check_tables(opened, str(reader.path), tenant.MIGRATIONS)
        share = part.bytes // max(1, kept.blocks)
        damages = verify.examine(opened, lambda count: step(count * share)).damages
    if damages:
        raise BadData(
            f"tenant {name!r} is damaged in {reader.path} ({damages[0].what}): use another backup. Nothing was changed."
        )
    database.open_file(path, tenant.MIGRATIONS).close()


def keys_arrive(reader: Reader, part: Part, staging: Path, here: Here) -> int:
    """Bring the registry to where it waits, and return how many of its keys were revoked since it was written."""
    path = staging / "registry.sqlite"
    check_known(part, registry.MIGRATIONS, reader.path)
    reader.extract(part, path)
    with any_schema.reading(path, registry.MIGRATIONS) as opened:
        any_schema.check_tables(opened, str(reader.path), registry.MIGRATIONS)
        damages = list(verify.structure(opened))
    if damages:
        raise BadData(f"the registry in {reader.path} is damaged: use another backup. Nothing was changed.")
    opened = database.open_file(path, registry.MIGRATIONS)
    with opened.atomic("IMMEDIATE"):
        changed = [
            opened.execute_sql(
                "UPDATE key SET revoked_ms = ? WHERE id = ? AND revoked_ms IS NULL", (revoked_ms, key)
            ).rowcount
            for key, revoked_ms in here.revoked.items()
        ]
    opened.close()
    return sum(changed)


def check_known(part: Part, migrations: Sequence[Sequence[str]], path: Path) -> None:
    if part.schema > len(migrations):
        raise BadConfiguration(
            f"{path} was written by a newer perfanalysis (schema {part.schema} of {part.file}, this program knows "
            f"{len(migrations)}): use that program. Nothing was changed."
        )


def decide(data: Path, decided: Change) -> None:
    if not decided.registry_placed:
        # Ours may be older, or not there at all: rows go from one to the other in one schema.
        Registry(data).close()
    change.decide(data, decided)
