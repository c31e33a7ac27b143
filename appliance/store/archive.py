"""
A backup or an exported tenant as one file: a tar of SQLite files, what each of them must be, and a checksum of it all.

The manifest comes after the files it describes, and last the checksum of everything before it: an archive that was cut
short or changed by a single bit is refused before anything of it is used. `tar` and `sha256sum` read it without us.
"""

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from appliance import lock
from appliance.errors import BadConfiguration, BadData, CannotCreate, InputOutput, NoInput, NoPermission
from appliance.store import durable
from appliance.store.registry import TENANT_ID

FORMAT = 1
BACKUP, TENANT = "backup", "tenant"
MANIFEST, CHECKSUM = "manifest.json", "SHA256"
LOCK = "LOCK"
STALE_SECONDS = 60
WORK = re.compile(r"\.perfanalysis-[0-9a-f]{8}\.part", re.ASCII)
CHUNK = 1 << 20
MAX_MANIFEST_BYTES = 64 << 20
Step = Callable[[int], None]
"""Is told of more work that is done, in bytes or blocks."""


def no_step(_: int) -> None:
    """For who shows no progress."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file in an archive, and what it must be."""

    file: str
    bytes: int
    sha256: str
    schema: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A tenant in an archive."""

    name: str
    part: Part | None
    """None where nothing was stored for it yet."""
    machines: int = 0
    blocks: int = 0
    batches: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    kind: str
    """BACKUP or TENANT."""
    made_ms: int
    program: str
    """The version of the program that wrote it."""
    store_id: str
    epoch: int
    whole: bool
    """Whether it has all tenants of its data folder, or one that was named."""
    registry: Part | None
    tenants: list[Kept] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    """Why, by tenant: those whose file was damaged."""

    @property
    def names(self) -> list[str]:
        return [kept.name for kept in self.tenants]


class Writer:
    """Writes an archive, file by file."""

    def __init__(self, stream: IO[bytes], made_ms: int) -> None:
        self.stream, self.made_ms = stream, made_ms
        self.digest = hashlib.sha256()

    def add(self, name: str, path: Path, schema: int) -> Part:
        """Append a file and return what it is."""
        size, digest = path.stat().st_size, hashlib.sha256()
        self.write(header(name, size, self.made_ms))
        with path.open("rb") as source:
            while piece := source.read(CHUNK):
                digest.update(piece)
                self.write(piece)
        self.write(padding(size))
        return Part(name, size, digest.hexdigest(), schema)

    def finish(self, manifest: Manifest) -> None:
        text = (json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1) + "\n").encode()
        self.write(header(MANIFEST, len(text), self.made_ms) + text + padding(len(text)))
        self.stream.write(ending(self.digest.hexdigest()))

    def write(self, piece: bytes) -> None:
        self.digest.update(piece)
        self.stream.write(piece)


def header(name: str, size: int, made_ms: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, made_ms // 1000
    return info.tobuf(tarfile.GNU_FORMAT)


def padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


def ending(checksum: str) -> bytes:
    """Return how an archive ends: the checksum of all before it, and the two empty blocks of a tar."""
    text = f"{checksum}  everything before this file\n".encode()
    return header(CHECKSUM, len(text), 0) + text + padding(len(text)) + bytes(2 * tarfile.BLOCKSIZE)


ENDING_BYTES = len(ending("0" * 64))


@dataclass(frozen=True, slots=True)
class Work:
    """Where an archive is made: a folder beside its place, and the archive."""

    folder: Path
    writer: Writer


@contextmanager
def created(target: Path, made_ms: int) -> Iterator[Work]:
    """
    Write an archive that appears whole or not at all, mode 0600; nothing that is there is replaced.

    Raises CannotCreate, NoPermission or InputOutput: then nothing is left of it.
    """
    refuse_existing(target)
    folder = target.with_name(f".perfanalysis-{secrets.token_hex(4)}.part")
    try:
        sweep(target.parent)
        folder.mkdir(mode=0o700)
        held = hold(folder)
        try:
            new = folder / "archive"
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                yield Work(folder, Writer(stream, made_ms))
                stream.flush()
                os.fsync(stream.fileno())
            refuse_existing(target)
            new.rename(target)
            sync_folder(target.parent)
        finally:
            if held is not None:
                os.close(held)
            shutil.rmtree(folder, ignore_errors=True)
    except PermissionError as error:
        raise NoPermission(
            f"{target} cannot be written: check the rights of its folder, or name another with --output."
        ) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CannotCreate(f"there is no folder {target.parent}: make it, or name another with --output.") from error
    except OSError as error:
        raise InputOutput(
            f"{target} cannot be written: {error.strerror}; nothing is left of it. Free space there, or name another "
            "place with --output."
        ) from error


def refuse_existing(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise CannotCreate(f"{target} is there already and stays as it is: name another file with --output.")


def hold(folder: Path) -> int | None:
    """Mark a folder as in use as long as the descriptor is open; None where it is in use, or cannot be marked."""
    try:
        return lock.take(folder / LOCK)
    except OSError:
        # Some network file systems have no locks: what is left there stays.
        return None


def sweep(folder: Path) -> None:
    """Remove what killed ones left in a folder: those at work hold theirs, or made it in this moment."""
    for left in folder.iterdir():
        if WORK.fullmatch(left.name) and left.is_dir() and not left.is_symlink():
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > STALE_SECONDS and (held := hold(left)) is not None:
                    os.close(held)
                    shutil.rmtree(left)


def sync_folder(folder: Path) -> None:
    """Have on the disk what was made or renamed in a folder."""
    try:
        durable.sync(folder)
    except OSError as error:
        # Some file systems of others, such as a share of Windows, do not know this.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise


class Reader:
    """An archive whose checksum is right."""

    def __init__(self, path: Path, tar: tarfile.TarFile, manifest: Manifest) -> None:
        self.path, self.tar, self.manifest = path, tar, manifest

    def extract(self, part: Part, target: Path) -> None:
        """Write a file of it to a new place, on the disk; raise BadData if it is not what the manifest says."""
        digest = hashlib.sha256()
        source = member(self.tar, part.file, self.path)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            while piece := source.read(CHUNK):
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != part.sha256 or target.stat().st_size != part.bytes:
            raise BadData(f"{part.file} in {self.path} is not what its manifest says: use another backup.")


@contextmanager
def opened(path: Path, kind: str, step: Step = no_step) -> Iterator[Reader]:
    """
    Open an archive of a kind for reading, after its checksum was found right.

    Raises NoInput, NoPermission, BadData (cut short, changed, no archive of ours) or BadConfiguration (of a newer
    program). `step` is told of bytes.
    """
    try:
        stream = path.open("rb")
    except PermissionError as error:
        raise NoPermission(f"{path} cannot be read: check its rights.") from error
    except OSError as error:
        raise NoInput(f"{path} cannot be read: {error.strerror}.") from error
    with stream, ExitStack() as opened_here:
        try:
            check(path, stream, step)
            tar = opened_here.enter_context(tarfile.open(fileobj=stream, mode="r:"))
            text = member(tar, MANIFEST, path).read(MAX_MANIFEST_BYTES)
        except OSError as error:
            raise NoInput(f"{path} cannot be read: {error.strerror}.") from error
        except tarfile.TarError as error:
            raise not_ours(path) from error
        yield Reader(path, tar, understood(text, path, kind))


def check(path: Path, stream: IO[bytes], step: Step) -> None:
    """Compare an archive with the checksum at its end; raise BadData."""
    left, digest = os.fstat(stream.fileno()).st_size - ENDING_BYTES, hashlib.sha256()
    if left <= 0:
        raise not_ours(path)
    while left and (piece := stream.read(min(CHUNK, left))):
        digest.update(piece)
        left -= len(piece)
        step(len(piece))
    found = stream.read(ENDING_BYTES + 1)
    stream.seek(0)
    if found != ending(digest.hexdigest()):
        if found.startswith(CHECKSUM.encode() + b"\0"):
            raise BadData(
                f"{path} has changed since it was written, its checksum is another: use another backup. "
                "Nothing was changed."
            )
        raise not_ours(path)


def not_ours(path: Path) -> BadData:
    return BadData(
        f"{path} is no backup or export of perfanalysis, or was cut short: name another file. Nothing was changed."
    )


def member(tar: tarfile.TarFile, name: str, path: Path) -> IO[bytes]:
    try:
        found = tar.extractfile(name)
    except KeyError:
        found = None
    if found is None:
        raise BadData(f"{path} has no {name} in it: use another backup. Nothing was changed.")
    return found


def understood(text: bytes, path: Path, kind: str) -> Manifest:
    try:
        found: dict[str, Any] = json.loads(text)
        if found.pop("format") != FORMAT:
            raise BadConfiguration(f"{path} was written by a newer perfanalysis: use that program.")
        registry = found.pop("registry")
        tenants = [
            Kept(**{**kept, "part": None if kept["part"] is None else Part(**kept["part"])})
            for kept in found.pop("tenants")
        ]
        manifest = Manifest(**found, registry=None if registry is None else Part(**registry), tenants=tenants)
        if not tenants or not all(TENANT_ID.fullmatch(name) for name in manifest.names):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadData(f"{path} has a manifest that makes no sense: use another backup. Nothing was changed.") from error
    if manifest.kind != kind:
        raise BadData(
            f"{path} is an exported tenant and no backup: perfanalysis tenant import {path}"
            if kind == BACKUP
            else f"{path} is a backup and no exported tenant: perfanalysis restore {path}"
        )
    return manifest
