"""SQLite files of ours as they are, of any schema that this program knows: to look at, to copy, to compare."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from appliance.errors import BadData
from appliance.store import database, private
from appliance.store.database import Database

Migrations = Sequence[Sequence[str]]
# Not query_only, which refuses to write a copy, too.
LOOKING = [pragma for pragma in database.READING if pragma[0] != "query_only"]


@contextmanager
def reading(path: Path, migrations: Migrations, root: Path | None = None) -> Iterator[Database]:
    """
    Open a file to look at, or to copy; `root` is the data folder, if not the file's own.

    Raises the errors of `database.open_file`, also for what is done meanwhile.
    """
    private.check(path, root or path.parent)
    uri = f"file:{database.escape(path)}?mode=ro"
    with connected(Database(uri, uri=True, pragmas=LOOKING, **database.ANY_THREAD), path) as opened:
        # As if it were the newest: what is left of the checks is whether it is ours, and not newer than we are.
        database.migrate(opened, path, migrations[: version(opened)], read_only=True)
        yield opened


@contextmanager
def writing(path: Path) -> Iterator[Database]:
    """Open a file that is there, for who knows its schema; raise what `reading` does."""
    uri = f"file:{database.escape(path)}?mode=rw"
    with connected(Database(uri, uri=True, pragmas=database.PRAGMAS, **database.ANY_THREAD), path) as opened:
        yield opened


@contextmanager
def connected(opened: Database, path: Path) -> Iterator[Database]:
    try:
        opened.connect()
        yield opened
    except (OSError, *database.LIBRARY_ERRORS) as error:
        raise database.translated(first(error), path) from error
    finally:
        opened.close()


def first(error: Exception) -> Exception:
    """Return what went wrong first: that a transaction which SQLite undid cannot be undone again is told instead."""
    while isinstance(error.__context__, (OSError, *database.LIBRARY_ERRORS)):
        error = error.__context__
    return error


def version(opened: Database) -> int:
    """Return the number of a file's schema; 0 is a file that has no table yet."""
    return int(opened.execute_sql("PRAGMA user_version").fetchone()[0])


def check_tables(opened: Database, name: str, migrations: Migrations) -> None:
    """Raise BadData if a file from elsewhere has other tables, or a trigger or view, than its schema has."""
    number = version(opened)
    fresh = Database(":memory:", **database.ANY_THREAD)
    fresh.connect()
    database.migrate(fresh, Path(name), migrations[:number], read_only=False)
    expected, found = tables(fresh), tables(opened)
    fresh.close()
    if found != expected:
        raise BadData(f"{name} has other tables than schema {number} has: it was not written by this program.")


def tables(opened: Database) -> list[tuple[str, str, str]]:
    return opened.execute_sql(
        "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name"
    ).fetchall()
