"""What somebody who mistyped a name may have meant."""

from collections.abc import Sequence
from difflib import get_close_matches


def meant(word: str, known: Sequence[str]) -> str:
    """Return a sentence that asks for the nearest of the known names, after a space; empty if none is near."""
    near = get_close_matches(word[:80], known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
