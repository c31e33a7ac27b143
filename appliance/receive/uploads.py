"""Uploads: a CSV file or a recording in a form, stored whole or not at all."""

import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

from appliance.errors import BadData, TooLarge
from appliance.receive import answers, bodies, forms
from appliance.receive.call import KeyedCall
from appliance.receive.limits import PIECE_BYTES, Limits
from appliance.store import batches
from appliance.store.batches import Batch, Receipt
from appliance.store.prepared import Prepared
from appliance.store.tenant import TenantStore

NAME = "The uploaded file"


def post(store: TenantStore, call: KeyedCall) -> dict[str, Any]:
    """`POST /api/v1/performance/upload`."""
    with tempfile.TemporaryFile() as file:
        fields = forms.read(call.environ, call.limits, file, required=("machine_id",))
        call.check_tenant(fields.get("tenant_id"))
        machine = call.machine(fields["machine_id"])
        receipt, warnings = keep(store, call, file, machine)
    return {
        "status": "success",
        "upload_id": receipt.batch,
        "machine_id": machine,
        "rows_imported": receipt.inserted,
        "rows_duplicate": receipt.duplicates,
        "duplicate": receipt.duplicate,
        "timestamp_range": answers.span(receipt.start_ms, receipt.end_ms),
        "warnings": warnings,
    }


def keep(store: TenantStore, call: KeyedCall, file: IO[bytes], machine: str) -> tuple[Receipt, list[str]]:
    """Store a file and return its receipt and warnings; what was stored before is not read again."""
    # Here, because a receiver of small posts needs less memory without.
    from appliance.formats import reading  # noqa: PLC0415

    check_unzipped(file, call.limits)
    # The file has no name, so that nothing is left of it whatever happens; the kernel opens it again by its number.
    path = Path(f"/proc/self/fd/{file.fileno()}")
    kind = reading.kind_of(path)
    digest = batches.start_digest(kind, machine)
    file.seek(0)
    for piece in pieces(file):
        digest.update(piece)
    stored = batches.find_receipt(store, digest.digest())
    if stored is not None:
        call.confirm()
        call.status.heard_of(call.grant.tenant, machine)
        return stored, []
    prepared = Prepared()
    parsed = reading.read_file(path, machine, NAME, prepared)
    rows = parsed.count
    if rows > call.limits.rows:
        raise TooLarge(
            f"The file has {rows} rows, and at most {call.limits.rows} are accepted: send it in parts.",
            error_code="TOO_MANY_ROWS",
            details={"rows": rows, "max_rows": call.limits.rows},
        )
    receipt = call.commit(store, Batch(digest.digest(), kind, prepared, parsed.facts), rows)
    call.status.heard_of(call.grant.tenant, machine)
    if not receipt.duplicate:
        call.status.imported(receipt.inserted)
    return receipt, parsed.warnings


def check_unzipped(file: IO[bytes], limits: Limits) -> None:
    """Raise TooLarge if a file is gzipped and larger than a file may be when it is unzipped."""
    file.seek(0)
    if file.read(len(bodies.GZIP_MAGIC)) == bodies.GZIP_MAGIC:
        file.seek(0)
        # One that is cut or damaged is for its reader to refuse, or to read up to there.
        with suppress(BadData):
            deque(bodies.unzip(pieces(file), limits.file_bytes, limits.unzip_ratio), maxlen=0)


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    return iter(partial(file.read, PIECE_BYTES), b"")
