"""A SQLite file of ours: opened with the settings that keep what was acknowledged, and brought to today's schema."""

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import peewee

from appliance.errors import BadConfiguration, BadData, CannotCreate, InputOutput, NoPermission, Unavailable
from appliance.store import private

APPLICATION_ID = 0x50414E31
Database: TypeAlias = peewee.SqliteDatabase

# auto_vacuum comes first: it can only be set before the first page is written.
# synchronous=2 (FULL): with NORMAL a power cut loses committed transactions of a WAL.
PRAGMAS = [
    ("auto_vacuum", 2),
    ("journal_mode", "wal"),
    ("synchronous", 2),
    ("busy_timeout", 5000),
    ("foreign_keys", 1),
    ("trusted_schema", 0),
    ("cell_size_check", 1),
    ("journal_size_limit", 64 << 20),
    ("cache_size", -8192),
    ("temp_store", 2),
]
READING = [("query_only", 1), ("busy_timeout", 5000), ("trusted_schema", 0), ("cell_size_check", 1)]
# One connection for all threads, one at a time: whoever opens a file holds a lock while it is used.
ANY_THREAD = {"thread_safe": False, "check_same_thread": False}
LIBRARY_ERRORS = (peewee.DatabaseError, peewee.sqlite3.Error)


def open_file(
    path: Path, migrations: Sequence[Sequence[str]], *, read_only: bool = False, root: Path | None = None
) -> Database:
    """
    Open a file, creating or migrating it, or for reading only; `root` is the data folder, if not the file's own.

    Raises NoPermission (also where others may change it), CannotCreate, InputOutput, BadData (no database of ours) or
    BadConfiguration (a newer schema).
    """
    root = root or path.parent
    try:
        if not read_only:
            private.make_folder(path.parent, root)
            # SQLite gives its -wal and -shm files the mode of the database.
            private.make_file(path)
        private.check(path, root)
        if read_only:
            database = Database(f"file:{escape(path)}?mode=ro", uri=True, pragmas=READING, **ANY_THREAD)
        else:
            database = Database(str(path), pragmas=PRAGMAS, **ANY_THREAD)
        database.connect()
        if read_only and application_of(database) == APPLICATION_ID and schema_of(database) < len(migrations):
            # Who only reads need not know that the program is newer than the file: it is brought up to date first.
            open_file(path, migrations, root=root).close()
        migrate(database, path, migrations, read_only)
        return database
    except (OSError, *LIBRARY_ERRORS) as error:
        raise translated(error, path) from error


def escape(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def migrate(database: Database, path: Path, migrations: Sequence[Sequence[str]], read_only: bool) -> None:
    """Bring a file to the newest schema: each migration is one transaction, numbered by `user_version`."""
    application, version = application_of(database), schema_of(database)
    if version > len(migrations):
        raise BadConfiguration(
            f"{path} was written by a newer perfanalysis (schema {version}, this program knows {len(migrations)}): "
            "use that program; nothing was changed."
        )
    if application not in (0, APPLICATION_ID) or (application == 0 and database.get_tables()):
        raise BadData(f"{path} is a database of another program: name another data folder.")
    if read_only and version < len(migrations):
        raise BadConfiguration(
            f"{path} has the older schema {version}: open it once for writing to bring it up to date."
        )
    for number, statements in enumerate(migrations[version:], version + 1):
        with database.atomic("IMMEDIATE"):
            # Another process may have been faster.
            if schema_of(database) >= number:
                continue
            for statement in statements:
                database.execute_sql(statement)
            database.execute_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute_sql(f"PRAGMA user_version = {number}")


def application_of(database: Database) -> int:
    return int(database.execute_sql("PRAGMA application_id").fetchone()[0])


def schema_of(database: Database) -> int:
    return int(database.execute_sql("PRAGMA user_version").fetchone()[0])


def translated(error: Exception, path: Path) -> Exception:
    """Turn an error of the system or of SQLite into a sentence that names the file and what to do."""
    text = str(error)
    if isinstance(error, PermissionError) or "readonly" in text or "unable to open" in text:
        return NoPermission(
            f"{path} cannot be opened for writing: check the rights of its folder, or name another with --data."
        )
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "free space there, or name another folder with --data" if full else "name another folder with --data"
        if isinstance(error, (FileExistsError, NotADirectoryError)):
            return CannotCreate(f"{path} cannot be made, for a file is in the way of its folder: {advice}.")
        return InputOutput(f"{path} cannot be written: {error.strerror}; {advice}.")
    if "not a database" in text or "malformed" in text:
        return BadData(f"{path} is damaged or no database of ours ({text}): restore it from a backup.")
    if "locked" in text or "busy" in text:
        return Unavailable(f"{path} is in use by another process for too long: try again.")
    return InputOutput(f"{path} cannot be used: {text}.")
