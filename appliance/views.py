"""What the receiver's pages say to people: plain data, found by the receiver and drawn where pages are drawn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class SignIn:
    problem: str
    """Why it is asked for again; empty the first time."""
    wanted: str
    """The path to go on to."""


@dataclass(frozen=True, slots=True)
class Machine:
    machine_id: str
    name: str
    seen_ms: int
    samples: int
    start_ms: int | None
    end_ms: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an uploaded file that was taken."""

    machine_id: str
    inserted: int
    duplicates: int
    start_ms: int | None
    end_ms: int | None
    sent_before: bool
    """The very same file was stored before."""
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong."""

    status: int
    error_code: str
    message: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Home:
    """What a tenant has, as far as the key that was signed in with may see it."""

    tenant: str
    token: str
    """Goes with each form; empty without a session: then there are no forms."""
    writes: bool
    reads: bool
    bound: Sequence[str] | None
    """The machines that the key is bound to; None: every machine of the tenant."""
    machines: Sequence[Machine]
    site_ms: int | None
    """When the report site was written; None: there is none, or it is not for this key."""
    max_bytes: int
    """The largest file that is taken."""
    result: Outcome | Trouble | None
    """Of the upload that this answers."""
    chosen: str
    """The machine that the form was sent for."""


@dataclass(frozen=True, slots=True)
class NoSite:
    """No report site was written for the tenant yet."""

    tenant: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A page that cannot be shown."""

    trouble: Trouble


View = SignIn | Home | NoSite | Failed


class Asset(NamedTuple):
    content: bytes
    kind: str
    """Its content type."""


class Drawing(NamedTuple):
    """How the receiver's pages are drawn."""

    page: Callable[[View], bytes]
    asset: Callable[[str], Asset | None]
    """Gives a style sheet or script that pages fetch, by its name."""
