"""The first page: what is stored, and an upload by a form, with its result."""

import tempfile

from bottle import HTTPResponse

from appliance.errors import Forbidden, InvalidKey, PerfanalysisError
from appliance.receive import forms, uploads
from appliance.receive.call import KeyedCall
from appliance.receive.people import entrance, sites
from appliance.receive.people.sessions import Session, cookie
from appliance.receive.people.visits import Visit, shows_key, wants_page
from appliance.store.batches import Receipt
from appliance.views import Home, Machine, Outcome, Trouble


def get(visit: Visit) -> HTTPResponse:
    """`GET /`."""
    if not isinstance(visit.call, KeyedCall):
        if shows_key(visit.call.environ):
            raise InvalidKey("The API key is missing or not valid.")
        return entrance.get(visit)
    session, headers = visit.session, {}
    if session is None and wants_page(visit.call.environ):
        # A browser that showed the key by HTTP Basic: its forms need a session.
        session, secret = visit.sessions.start(visit.call.grant)
        headers = {"Set-Cookie": cookie(secret, visit.call.environ)}
    return visit.page(home(visit, visit.call, session), headers=headers)


def upload(visit: Visit) -> HTTPResponse:
    """`POST /upload`: as by the API, but what comes back is the page, with what became of the file."""
    call, status, machine = visit.keyed, 200, ""
    result: Outcome | Trouble
    try:
        with tempfile.TemporaryFile() as file:
            fields = forms.read(call.environ, call.limits, file, required=("token", "machine_id"))
            if visit.session is None or not visit.session.knows(fields["token"]):
                raise Forbidden("This page is of another session: load it again, and choose the file again.")
            machine = fields["machine_id"].strip()
            with visit.using() as store:
                receipt, warnings = uploads.keep(store, call, file, call.machine(machine))
        result = outcome(machine, receipt, warnings)
    except PerfanalysisError as error:
        # A program is told as by every other route.
        if error.status == 401 or error.status >= 500 or not wants_page(call.environ):
            raise
        result = Trouble(error.status, error.error_code, error.message, error.details)
        status = error.status
    return visit.page(home(visit, call, visit.session, result, machine), status)


def outcome(machine: str, receipt: Receipt, warnings: list[str]) -> Outcome:
    return Outcome(
        machine, receipt.inserted, receipt.duplicates, receipt.start_ms, receipt.end_ms, receipt.duplicate, warnings
    )


def home(
    visit: Visit, call: KeyedCall, session: Session | None, result: Outcome | Trouble | None = None, machine: str = "",
) -> Home:  # fmt: skip
    grant = call.grant
    reads = "read" in grant.scopes
    machines = []
    if reads:
        with visit.using() as store:
            machines = [
                Machine(one.machine_id, one.name, one.seen_ms, one.samples, one.start_ms, one.end_ms)
                for one in call.machines(store)
            ]
    return Home(
        tenant=grant.tenant,
        token=session.token if session is not None else "",
        writes="write" in grant.scopes,
        reads=reads,
        bound=None if grant.machines is None else sorted(grant.machines),
        machines=machines,
        site_ms=sites.written_ms(visit.sessions.registry.folder, grant),
        max_bytes=call.limits.file_bytes,
        result=result,
        chosen=machine,
    )
