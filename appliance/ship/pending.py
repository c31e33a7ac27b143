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
    """With its whole path."""
    machine_id: str
    url: str
    tenant: str


def add(state: Path, upload: Upload) -> Path:
    """Note an upload, once for each file, and return the note; raise OSError."""
    folder = state / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{zlib.crc32(upload.file.encode()):08x}.json"
    new = path.with_suffix(".new")
    new.write_text(json.dumps(asdict(upload)) + "\n", "utf-8")
    new.replace(path)
    return path


def uploads(state: Path) -> Iterator[tuple[Path, Upload]]:
    """Give the notes; what is none of ours is passed over."""
    for path in sorted((state / FOLDER).glob("*.json")):
        try:
            found = json.loads(path.read_text("utf-8"))
            upload = Upload(**found)
        except (OSError, ValueError, TypeError, RecursionError):
            continue
        if all(isinstance(text, str) for text in found.values()):
            yield path, upload
