"""Exports: a machine's history as the standard CSV, at once or behind a link."""

import io
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottle import HTTPResponse

from appliance import moment
from appliance.errors import BadData, InputOutput, MissingParameters, NoInput, UsageError
from appliance.receive.call import KeyedCall
from appliance.store import history
from appliance.store.tenant import TenantStore

if TYPE_CHECKING:
    from appliance.analysis.run import Run

PATH = "/api/v1/performance/export"
HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?", re.ASCII)


def get(store: TenantStore, call: KeyedCall) -> HTTPResponse:
    """`GET /api/v1/performance/export`: written to the disk first, so that a failure is an answer, not half a file."""
    from appliance.formats import standard_csv  # noqa: PLC0415 - loads pandas, as in `uploads`

    run, start_ms = run_of(store, call)
    with ExitStack() as on_failure:
        content = on_failure.enter_context(tempfile.TemporaryFile())
        text = io.TextIOWrapper(content, encoding="utf-8", newline="")
        standard_csv.write([run], text, start_ms)
        text.detach()
        size = content.tell()
        content.seek(0)
        # From here on the server closes it, when it is sent.
        on_failure.pop_all()
    return HTTPResponse(
        content,
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Length": str(size),
            "Content-Disposition": f'attachment; filename="{run.machine_id}.csv"',
        },
    )


def link(store: TenantStore, call: KeyedCall) -> dict[str, Any]:
    """`GET /api/v1/performance/data`: a link to the export that needs no key for as long as it lives."""
    from appliance.formats import standard_csv  # noqa: PLC0415 - loads pandas, as in `uploads`

    run, start_ms = run_of(store, call)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        rows = standard_csv.write([run], nowhere, start_ms)
    wanted = {name: call.query[name] for name in ("machine_id", "start", "end") if name in call.query}
    address, expires = call.links.make(PATH, wanted, call.grant)
    return {
        "status": "success",
        "machine_id": run.machine_id,
        "data_url": base_url(call.environ) + address,
        "expires_at": moment.text(expires * 1000),
        "row_count": rows,
    }


def run_of(store: TenantStore, call: KeyedCall) -> tuple["Run", int]:
    """Return the run that a query asks for, begun a little earlier, and its start; raise what is wrong with it."""
    from appliance.analysis.run import Run  # noqa: PLC0415 - loads pandas, as in `uploads`

    query = call.query
    if not query.get("machine_id"):
        raise MissingParameters("The query has no machine_id.", details={"missing": ["machine_id"]})
    if query.get("format", "csv") != "csv":
        raise UsageError("There is one format: csv.")
    start, end = history.ALWAYS
    if query.get("start"):
        start = moment.parse(query["start"])
    if query.get("end"):
        end = moment.parse(query["end"], end=True)
    machine = history.machine(store, call.machine(query["machine_id"]))
    try:
        samples = history.read(store, machine.machine_id, start - history.LEAD_MS, end)
    except BadData as error:
        # What is damaged is our file, not what was asked.
        raise InputOutput(error.message) from error
    if not any(part.at_ms[-1] >= start for part in samples):
        raise NoInput(f"Machine {machine.machine_id} has no samples in this span of time.")
    return Run(machine.machine_id, samples, history.facts(store, machine.machine_id), machine.name), start


def base_url(environ: Mapping[str, Any]) -> str:
    """Return how the sender reached us; nothing, which makes an address relative, if it does not say so plainly."""
    host = environ.get("HTTP_HOST", "")
    return f"{environ['wsgi.url_scheme']}://{host}" if HOST.fullmatch(host) else ""
