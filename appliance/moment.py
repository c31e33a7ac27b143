"""Points in time as people write them: 2026-01-31, ISO 8601 with a zone, epoch seconds."""

from datetime import UTC, datetime

from appliance.errors import UsageError

DAY_MS = 86_400_000
# What SQLite and datetime both hold: the years 1 to 9999.
EARLIEST_MS, LATEST_MS = -62_135_596_800_000, 253_402_300_799_999


def parse(text: str, *, end: bool = False) -> int:
    """
    Return Unix milliseconds of YYYY-MM-DD, ISO 8601 with a zone, or epoch seconds; raise UsageError.

    A date is UTC and, as the `end` of a span, includes its whole day.
    """
    try:
        if text.isascii() and text.removeprefix("-").isdigit():
            at_ms = int(text) * 1000
        else:
            at = datetime.fromisoformat(text)
            if len(text) == len("2026-01-31"):
                at_ms = round(at.replace(tzinfo=UTC).timestamp() * 1000) + (DAY_MS - 1 if end else 0)
            elif at.tzinfo is None:
                raise UsageError(f"{text[:40]!r} has no time zone: add Z or an offset such as +01:00.")
            else:
                at_ms = round(at.timestamp() * 1000)
    except (ValueError, OverflowError):
        at_ms = LATEST_MS + 1
    if not EARLIEST_MS <= at_ms <= LATEST_MS:
        raise UsageError(f"{text[:40]!r} is not a time: write 2026-01-31, 2026-01-31T12:00:00Z or epoch seconds.")
    return at_ms


def text(at_ms: int) -> str:
    """Write Unix milliseconds as ISO 8601 in UTC: 2026-01-31T12:00:00Z, with a fraction only where there is one."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC).replace(tzinfo=None)
    fraction = f".{at_ms % 1000:03d}".rstrip("0") if at_ms % 1000 else ""
    return f"{at.isoformat()}{fraction}Z"
