"""A request that was let in: what a route may know of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from appliance.errors import BadData, Conflict, Damaged, Forbidden, InputOutput, QuotaReached, TenantMismatch
from appliance.machine import check_machine_id
from appliance.receive.authentication import Links
from appliance.receive.limits import Limits
from appliance.receive.status import Status
from appliance.store import batches, history
from appliance.store.batches import Batch, Receipt
from appliance.store.history import MachineSummary
from appliance.store.registry import Grant
from appliance.store.tenant import TenantStore


@dataclass(frozen=True, slots=True)
class Call:
    environ: Mapping[str, Any]
    query: Mapping[str, str]
    limits: Limits
    status: Status
    folder: Path
    """The data folder."""
    local: bool
    """Whether who asks is on this machine."""
    routes: Sequence[Any]
    """All routes of the receiver."""


@dataclass(frozen=True, slots=True)
class KeyedCall(Call):
    """A request with a valid key."""

    grant: Grant
    confirm: Callable[[], object]
    """Raises InvalidKey if the key is not valid any more."""
    links: Links

    def check_tenant(self, tenant: object) -> None:
        """Refuse what a request calls its tenant, unless it is the key's or nothing."""
        if tenant not in (None, "", self.grant.tenant):
            raise TenantMismatch("Tenant mismatch")

    def machine(self, machine: str) -> str:
        """Return the id of a machine that is asked for or sent; raise InvalidMachineId, or Forbidden to a bound key."""
        # Before anything is looked up: the answer does not tell whether there is such a machine.
        if not self.grant.covers(check_machine_id(machine)):
            raise Forbidden("The key does not allow this: it is bound to other machines.")
        return machine

    def machines(self, store: TenantStore) -> list[MachineSummary]:
        """Return the machines of the tenant that the key may know of."""
        return [found for found in history.machines(store) if self.grant.covers(found.machine_id)]

    def commit(self, store: TenantStore, batch: Batch, measurements: int) -> Receipt:
        """Store a batch under the request's key, if that is still valid when everything is ready to be committed."""
        if self.grant.machines is not None:
            # A file says itself whose it is. Not for every key: the parts of a long file are read from the disk anew.
            for part in batch.samples:
                self.machine(part.machine)
        try:
            receipt = batches.add_batch(store, replace(batch, key_id=self.grant.key_id), self.confirm)
        except (Conflict, Damaged):
            raise
        except QuotaReached as error:
            # The sender knows whose quota it is, the log does not.
            raise QuotaReached(f"tenant {self.grant.tenant}: {error.message}") from error
        except BadData as error:
            # What is damaged is our file, not what was sent.
            raise InputOutput(error.message) from error
        if not receipt.duplicate:
            self.status.received(measurements)
        return receipt
