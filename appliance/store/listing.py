"""The tenants of a data folder, as its registry lists them, whatever its schema: read, and nothing of it changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.errors import NotFound
from appliance.store import any_schema, claim, registry
from appliance.store.database import Database


@contextmanager
def registered(data: Path) -> Iterator[Database]:
    """Open the registry of a data folder; raise NotFound if there is none."""
    claim.settle(data)
    path = data / "registry.sqlite"
    if not path.exists():
        raise NotFound(f"{data} is no data folder of perfanalysis: name it with --data.")
    with any_schema.reading(path, registry.MIGRATIONS) as opened:
        yield opened


def all_names(opened: Database) -> list[str]:
    return [name for (name,) in opened.execute_sql("SELECT id FROM tenant ORDER BY id")]


def is_gone(file: Path) -> bool:
    """Say whether a tenant's file was there and is not any more, or was set aside: its folder says whose it is."""
    return (file.parent / "TENANT").exists() and not (file.exists() and file.stat().st_size)


def chosen(data: Path, only: str | None) -> list[str]:
    """Return the names of all tenants, or the one that is named; raise NotFound."""
    with registered(data) as opened:
        names = all_names(opened)
    if only is not None and only not in names:
        raise NotFound(f"there is no tenant {only[:80]!r}: there is {registry.listed(names)}.")
    return names if only is None else [only]
