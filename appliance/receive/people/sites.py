"""
The report site of a tenant, as `perfanalysis report` writes it into the tenant's folder, to people who may read.

Every part of a path is opened below the one before and no link is followed, so that nothing outside is ever read.
"""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from bottle import HTTPResponse

from appliance.errors import Forbidden, InputOutput, NotFound
from appliance.receive.call import KeyedCall
from appliance.receive.people import entrance
from appliance.receive.people.visits import Visit, wants_page
from appliance.store.registry import Grant
from appliance.store.tenant import site_of
from appliance.views import NoSite

ROOT, FIRST = "/reports/", "index.html"
PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
"""A name of a file or folder of a site."""
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".pdf": "application/pdf",
    ".gz": "application/gzip",
}
# A page of the site says itself, and more narrowly, what may run in it and what it looks like; that nothing is fetched
# from elsewhere, sent anywhere or framed is said here as well. Other files need nothing at all.
PAGE_POLICY = (
    "default-src 'self' 'unsafe-inline' data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'none'"
NO_PLACE = {errno.ELOOP, errno.ENOTDIR, errno.ENXIO}
"""A link, a file where a folder should be, a socket."""


def get(visit: Visit, **_: str) -> HTTPResponse:
    """`GET /reports/...`; a path that ends with a slash is the first page of a folder, and no folder is listed."""
    call = visit.keyed
    # As it was sent: the router leaves out a newline at the end, and what is not UTF-8.
    path = call.environ["bottle.raw_path"].removeprefix(ROOT)
    if call.grant.machines is not None:
        raise Forbidden("The key is bound to some machines, and the report site shows all of the tenant's.")
    path = f"{path}{FIRST}" if path.endswith("/") or not path else path
    try:
        file = opened(visit.sessions.registry.folder, call.grant.tenant, path)
    except FileNotFoundError:
        if path == FIRST and wants_page(call.environ):
            return visit.page(NoSite(call.grant.tenant), 404)
        raise NotFound(
            "There is no such page in the report site: it may have been in an older one, or none was written yet."
        ) from None
    except OSError as error:
        raise InputOutput(f"the report site of {call.grant.tenant} cannot be read: {error}.") from error
    return answer(call, file, path)


def to_first(_: Visit) -> HTTPResponse:
    """`GET /reports`: without the slash the links of the page would lead astray."""
    return entrance.onward(ROOT)


def answer(call: KeyedCall, file: IO[bytes], path: str) -> HTTPResponse:
    """Answer with a file, or that the browser has it already."""
    found = os.fstat(file.fileno())
    # A site is written anew as a whole: a file that changed is another one.
    seen = f"{found.st_ino} {found.st_mtime_ns} {found.st_size}"
    tag = f'"{hashlib.sha256(seen.encode()).hexdigest()[:32]}"'
    ending = f".{path.rpartition('.')[2]}"
    headers = {
        "ETag": tag,
        # Kept, and asked for each time: whoever signed out or lost the key does not see it again.
        "Cache-Control": "private, no-cache",
        "Vary": "Cookie, Authorization",
        "Content-Security-Policy": PAGE_POLICY if ending == ".html" else FILE_POLICY,
    }
    if tag in known(call.environ.get("HTTP_IF_NONE_MATCH", "")):
        file.close()
        return HTTPResponse(b"", 304, headers=headers)
    headers["Content-Type"] = KINDS.get(ending, "application/octet-stream")
    headers["Content-Length"] = str(found.st_size)
    # The server closes it when it is sent.
    return HTTPResponse(file, headers=headers)


def known(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}


def opened(data: Path, tenant: str, path: str) -> IO[bytes]:
    """Open a file of a tenant's site; raise FileNotFoundError for whatever is no plain file in it."""
    parts = path.split("/")
    if not all(PART.fullmatch(part) for part in parts):
        raise FileNotFoundError(path)
    *folders, name = (*site_of(data, tenant).relative_to(data).parts, *parts)
    try:
        return below(data, folders, name)
    except FileNotFoundError:
        # A new site may have taken the place of the one that was just being looked into.
        return below(data, folders, name)


def below(data: Path, folders: Sequence[str], name: str) -> IO[bytes]:
    try:
        with ExitStack() as way:
            at = way.enter_context(folder(data.resolve(), None))
            for part in folders:
                at = way.enter_context(folder(part, at))
            # Not waiting: a pipe that nobody writes to would hold the thread for ever.
            number = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    except OSError as error:
        if error.errno in NO_PLACE:
            raise FileNotFoundError(name) from error
        raise
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise FileNotFoundError(name)
    return os.fdopen(number, "rb")


@contextmanager
def folder(path: Path | str, parent: int | None) -> Iterator[int]:
    number = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        yield number
    finally:
        os.close(number)


def written_ms(data: Path, grant: Grant) -> int | None:
    """Return when the site was written that a key may see, or None if there is none."""
    if "read" in grant.scopes and grant.machines is None:
        with suppress(OSError), opened(data, grant.tenant, FIRST) as file:
            return os.fstat(file.fileno()).st_mtime_ns // 1_000_000
    return None
