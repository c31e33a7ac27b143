"""Files that appear whole or not at all: written beside their place, then renamed into it."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from appliance.errors import CannotCreate, InputOutput, NoPermission


@contextmanager
def replaced(path: Path) -> Iterator[IO[str]]:
    """
    Open a text file that takes the place of `path` when all of it is on the disk; folders are made.

    Raises NoPermission, CannotCreate or InputOutput with a sentence: then `path` is as it was before.
    """
    # Not to be guessed: in a folder such as /tmp others could put a link there.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            raise CannotCreate(f"{path} cannot be written: it is there and is no regular file.")
        with temporary.open("x", encoding="utf-8", newline="") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except PermissionError as error:
        raise NoPermission(f"{path} cannot be written: check the rights of its folder, or name another.") from error
    except (FileExistsError, NotADirectoryError) as error:
        raise CannotCreate(f"{path} cannot be written: a part of its path is no folder.") from error
    except OSError as error:
        raise InputOutput(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
