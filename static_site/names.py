"""Names that machines, disks and containers were given by strangers: as text on a page, and as folders of the site."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence

MAX_SHOWN = 80
MAX_SLUG = 64
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
"""Names that no file may have on Windows, whatever follows a dot."""


def visible(text: str) -> str:
    """Make control characters and marks of direction visible, so that a name cannot rearrange what is around it."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def shown(name: str) -> str:
    """Return a name as it is shown: visible, and not longer than a line."""
    name = name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}…"
    return visible(name)


def slug(name: str) -> str:
    """Return what stands for a name in addresses: small ASCII letters, digits, dots and dashes, at most 64."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    text = re.sub(r"[^a-z0-9.-]+", "-", plain)[:MAX_SLUG].strip(".-")
    if not text:
        return "root" if name == "/" else "unnamed"
    return f"{text[: MAX_SLUG - 2]}-x" if RESERVED.fullmatch(text) else text


def slugs(names: Sequence[str]) -> dict[str, str]:
    """Return a slug for each of some different names; those that would share one get a part of their digest."""
    wanted = {name: slug(name) for name in names}
    taken: dict[str, list[str]] = {}
    for name, text in wanted.items():
        taken.setdefault(text, []).append(name)
    for text, sharing in taken.items():
        for name in sharing if len(sharing) > 1 else []:
            # The name that is its own slug keeps it: its address is older than the other's.
            if name != text:
                wanted[name] = distinct(name, text, set(wanted.values()))
    return wanted


def distinct(name: str, text: str, taken: set[str]) -> str:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    candidates = (f"{text[: MAX_SLUG - digits - 1]}-{digest[:digits]}" for digits in (4, 8, 16, 32))
    return next(candidate for candidate in candidates if candidate not in taken)
