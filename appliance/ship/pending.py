"""Files that are to be uploaded and are not yet: a note for each, without the key, which outlives the collector."""

import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = "pending"


@dataclass(frozen=True, slots=True)
class Upload:
    file: str
    """The name that a recording is written under, with its whole path."""
    machine_id: str
    url: str
    tenant: str
    started: float = 0
    """The first timestamp of the file, which may have got another name meanwhile; 0: the one that has this name."""


def add(state: Path, upload: Upload) -> Path:
    """Note an upload, once for each file, and return the note; raise OSError."""
    folder = state / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{zlib.crc32(f'{upload.file} {upload.started}'.encode()):08x}.json"
    new = path.with_suffix(".new")
    new.write_text(json.dumps(asdict(upload)) + "\n", "utf-8")
    new.replace(path)
    return path


def uploads(state: Path) -> list[tuple[Path, Upload]]:
    """Return the notes, of each recording the oldest file first; what is none of ours is passed over."""
    return sorted(read(state / FOLDER), key=lambda noted: (noted[1].file, noted[1].started))


def read(folder: Path) -> Iterator[tuple[Path, Upload]]:
    for path in folder.glob("*.json"):
        try:
            found = json.loads(path.read_text("utf-8"))
            started = float(found.pop("started", 0))
            upload = Upload(**found, started=started)
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            continue
        if all(isinstance(text, str) for text in found.values()):
            yield path, upload
