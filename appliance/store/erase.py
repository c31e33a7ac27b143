"""Erasing a tenant: no byte of it stays in the data folder; a crash leaves it, or an erasure that is finished."""

from pathlib import Path

from appliance.store import change, claim, listing, tenant
from appliance.store.change import Change


def erase(data: Path, name: str) -> None:
    """
    Remove a tenant: its file, its spool and site, what was put aside of it, and its keys.

    Raises NotFound, InUse and the errors of `change.decide`.
    """
    listing.chosen(data, name)
    claimed = claim.claimed(data, "perfanalysis tenant erase")
    with claimed, change.unchanged(data), change.staged(data) as staging:
        digest = tenant.folder_of(data, name).name
        # Whatever is kept for a tenant is named by the digest of its name, in whichever folder it is.
        own = sorted(str(path.relative_to(data)) for path in data.glob(f"*/{digest}*"))
        change.decide(data, Change(staging.name, removed=own, forgotten=[name]))
