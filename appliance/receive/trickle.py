"""Trickle: measurements as a collector reads them, a batch at a time."""

from collections.abc import Mapping
from typing import Any

from appliance.errors import MissingParameters, NoInput, TooLarge
from appliance.measurement import Measurement, from_object
from appliance.receive import bodies
from appliance.receive.call import KeyedCall
from appliance.samples import INT64_MAX, from_measurements
from appliance.store import batches
from appliance.store.batches import Batch
from appliance.store.tenant import TenantStore

RUN_HEADER = "HTTP_PERFANALYSIS_RUN"


def post(store: TenantStore, call: KeyedCall) -> dict[str, Any]:
    """`POST /v1/trickle`."""
    body = bodies.read(call.environ, call.limits, call.limits.trickle_bytes)
    payload = bodies.json_object(body, call.limits)
    call.check_tenant(payload.get("tenant_id"))
    machine = call.machine(machine_of(payload))
    measurements = measurements_of(payload, call.limits.measurements)
    parsed = from_measurements(measurements, machine, run_of(payload, call.environ))
    # The same bytes of another run are other samples: of a machine and its clone, for example.
    run = header_run(call.environ)
    digest = batches.digest_of("trickle", machine, body if run is None else b"%s\0%d" % (body, run))
    receipt = call.commit(
        # A collector cannot mend what it read: what is there already stays, and what differs is counted.
        store, Batch(digest, "trickle", parsed.samples, parsed.facts, machine, keep_first=True), len(measurements)
    )  # fmt: skip
    return {
        "error": None,
        "status": "success",
        "batch": receipt.batch,
        "rows": receipt.rows,
        "inserted": receipt.inserted,
        "duplicates": receipt.duplicates,
        "conflicts": receipt.conflicts,
        "duplicate": receipt.duplicate,
        "warnings": parsed.warnings,
        # A collector that sees another one than before offers again what it kept of what it has sent.
        "store": call.status.store,
    }


def machine_of(payload: Mapping[str, Any]) -> str:
    machine = payload.get("identifier")
    if machine is None:
        raise MissingParameters('The body has no "identifier".', details={"missing": ["identifier"]})
    if not isinstance(machine, str):
        raise bodies.invalid_json('The "identifier" is not a text.')
    return machine


def run_of(payload: Mapping[str, Any], environ: Mapping[str, Any]) -> int:
    """Return the recorder's run, which only our own recorders send."""
    header = header_run(environ)
    run = payload.get("run", 0) if header is None else header
    if not isinstance(run, int) or isinstance(run, bool) or not 0 <= run <= INT64_MAX:
        raise bodies.invalid_json('The "run" is not a whole number from 0 to 2^63 - 1.')
    return run


def header_run(environ: Mapping[str, Any]) -> int | None:
    """Return the run that a header names: an original receiver might refuse a field that it does not know."""
    text = environ.get(RUN_HEADER)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise bodies.invalid_json("The header Perfanalysis-Run is not a whole number from 0 to 2^63 - 1.")
    return int(text)


def measurements_of(payload: Mapping[str, Any], most: int) -> list[Measurement]:
    listed = payload.get("measurements")
    if listed is None:
        raise MissingParameters('The body has no "measurements".', details={"missing": ["measurements"]})
    if not isinstance(listed, list):
        raise bodies.invalid_json('The "measurements" are not a list.')
    if not listed:
        raise NoInput('The list of "measurements" is empty.')
    if len(listed) > most:
        raise TooLarge(
            f"The batch has {len(listed)} measurements, and at most {most} are accepted: send half of it.",
            details={"measurements": len(listed), "max_measurements": most},
        )
    return [measurement(record, index) for index, record in enumerate(listed)]


def measurement(record: object, index: int) -> Measurement:
    try:
        return from_object(record)
    except ValueError as error:
        raise bodies.invalid_json(
            f"Measurement {index + 1} of the batch is not valid: {error}.", index=index
        ) from error
