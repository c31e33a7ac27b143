"""Where a spool is to go on after a restart: advice only, since what is sent twice is stored once."""

import json
from pathlib import Path

from appliance.ship.segments import Position, Segments

NAME = "cursor"


def read(folder: Path, segments: Segments) -> Position:
    """Return where to go on: the oldest record, unless the cursor fits what is there."""
    kept = stored(folder)
    if kept is not None and not segments.sizes:
        # Numbers are never given twice, or an old cursor could hide new samples.
        segments.next = max(segments.next, kept.number)
    oldest = segments.start_of(min(segments.sizes, default=segments.next))
    if kept is None or kept.segment not in segments.sizes:
        return oldest
    following = next(segments.read(kept), None)
    fits = kept.number == (following[0].number if following else segments.next)
    return kept if fits else oldest


def stored(folder: Path) -> Position | None:
    try:
        found = json.loads((folder / NAME).read_text("ascii"))
        return Position(*(int(found[name]) for name in Position._fields))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def write(folder: Path, position: Position) -> None:
    new = folder / f"{NAME}.new"
    new.write_text(json.dumps(position._asdict()), "ascii")
    new.replace(folder / NAME)
