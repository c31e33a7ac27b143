"""How long and how much a tenant keeps: kept in its own file, and changed by one statement."""

from dataclasses import asdict, dataclass, fields
from weakref import WeakSet

from appliance.errors import QuotaReached
from appliance.store.database import Database
from appliance.store.tenant import TenantStore

NO_LIMIT_PAGES = 0xFFFF_FFFE
held: WeakSet[Database] = WeakSet()
"""Those whose growth SQLite limits now."""


@dataclass(frozen=True, slots=True)
class Settings:
    """None: no limit."""

    keep_ms: int | None = None
    """Samples that are older are removed."""
    keep_bytes: int | None = None
    """The oldest samples are removed when the file has more."""
    quota_bytes: int | None = None
    """Nothing more is stored when the file has so much."""


EVERYTHING = Settings()


def read(db: Database) -> Settings:
    names = {field.name for field in fields(Settings)}
    rows = db.execute_sql("SELECT name, value FROM setting")
    return Settings(**{name: value for name, value in rows if name in names})


def write(store: TenantStore, settings: Settings) -> None:
    with store.changing():
        for name, value in asdict(settings).items():
            if value is None:
                store.database.execute_sql("DELETE FROM setting WHERE name = ?", (name,))
            else:
                store.database.execute_sql("INSERT OR REPLACE INTO setting(name, value) VALUES(?, ?)", (name, value))


def used_bytes(db: Database) -> int:
    """Return how much of a file is used: what was removed and not given back yet is not."""
    pages, unused, size = (pragma(db, name) for name in ("page_count", "freelist_count", "page_size"))
    return (pages - unused) * size


def hold_to_quota(db: Database) -> None:
    """
    Raise QuotaReached if a file has as much as its tenant may, and have SQLite let it grow no further than that.

    Asked in each transaction that stores, so that a change holds at once, whoever makes it.
    """
    quota = db.execute_sql("SELECT value FROM setting WHERE name = 'quota_bytes'").fetchone()
    if quota is None:
        if db in held:
            allow_growth(db)
        return
    if used_bytes(db) >= quota[0]:
        raise reached(quota[0])
    held.add(db)
    db.execute_sql(f"PRAGMA max_page_count = {max(1, quota[0] // pragma(db, 'page_size'))}").fetchall()


def allow_growth(db: Database) -> None:
    """What removes or merges may need more for a moment than a quota allows."""
    held.discard(db)
    db.execute_sql(f"PRAGMA max_page_count = {NO_LIMIT_PAGES}").fetchall()


def reached(quota_bytes: int) -> QuotaReached:
    return QuotaReached(
        f"the tenant's quota of {quota_bytes / 1e6:,.1f} MB is reached: nothing more is stored until something is "
        "removed, or its quota is raised (`perfanalysis tenant set`)."
    )


def pragma(db: Database, name: str) -> int:
    return int(db.execute_sql(f"PRAGMA {name}").fetchone()[0])
