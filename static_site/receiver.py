"""The receiver's pages for people, drawn in the look of the report site from what the receiver has to say."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import jinja2

from appliance import __version__
from appliance.views import Asset, Failed, Home, Machine, NoSite, Outcome, SignIn, Trouble, View
from static_site import times, units
from static_site.content import Cell, Head, Table
from static_site.environment import ASSETS, templates
from static_site.names import shown, visible
from static_site.units import counted

KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
SHARED = ("pa.css", "receiver.css", "receiver.js")
"""What pages fetch: the style sheet of the report site, and what only these pages need."""
MAX_SHOWN = 300
MAX_LISTED = 20

NOTHING_STORED = "Nothing of the file was stored."
SAFE_TO_REPEAT = "A file that was on its way may be uploaded again: nothing is stored twice."
# What to do, where the sentence of an error does not say it.
ADVICE = {
    "INVALID_CSV_FORMAT": "Mend the file there and upload it again. " + NOTHING_STORED,
    "INVALID_ENCODING": "Save the file as UTF-8 and upload it again. " + NOTHING_STORED,
    "MACHINE_MISMATCH": "Make a file for each machine, or let the administrator import the file with "
    "`perfanalysis import`. " + NOTHING_STORED,
    "CONFLICT": "What was stored first stays. Check that the file is of this machine; if it is right, leave these "
    "samples out. " + NOTHING_STORED,
    "NO_DATA": "Check that it is the right file: it has no samples.",
    "MISSING_PARAMETERS": "Choose a file and name its machine.",
    "BAD_REQUEST": "Check that it is a CSV file or a recording, and that it is whole. " + NOTHING_STORED,
    "TOO_MANY_ROWS": NOTHING_STORED,
    "PAYLOAD_TOO_LARGE": "Packed with gzip (.gz) a recording is a tenth as large. " + NOTHING_STORED,
    "INVALID_MACHINE_ID": NOTHING_STORED,
    "RATE_LIMITED": "Wait a minute and try again.",
    "OVERLOADED": "Wait a moment and load the page again. " + SAFE_TO_REPEAT,
    "REQUEST_TIMEOUT": "The connection is slow or broke: try again. " + SAFE_TO_REPEAT,
    "INSUFFICIENT_STORAGE": "Keep the file, and tell the administrator of this receiver. " + SAFE_TO_REPEAT,
    "PROCESSING_ERROR": "Tell the administrator of this receiver the number. " + SAFE_TO_REPEAT,
    "MULTIPART_INVALID": "It did not arrive whole: upload it again. " + NOTHING_STORED,
}
LABELS = {
    "line": "Line", "column": "Column", "byte": "Byte", "value": "Value", "expected_columns": "Columns it needs",
    "found_columns": "Columns it has", "found_machine_ids": "Machines in it", "count": "Samples that differ",
    "error_id": "Number in the log",
}  # fmt: skip
TITLES = {
    403: "Not allowed", 404: "Not found", 405: "Not found", 408: "Too slow", 413: "Too large", 429: "Too often",
    500: "Something broke", 503: "Busy", 507: "No room left",
}  # fmt: skip


def page(view: View) -> bytes:
    """Return a page as HTML."""
    template, values = DRAWN[type(view)](view)
    text = environment().get_template(template).render(values, version=__version__, root="")
    # A name from a file system may hold bytes that are no text at all.
    return text.encode("utf-8", "replace")


def asset(name: str) -> Asset | None:
    """Return a style sheet or script, or None if there is none of that name."""
    return Asset((ASSETS / name).read_bytes(), KINDS[name.rpartition(".")[2]]) if name in SHARED else None


@cache
def environment() -> jinja2.Environment:
    return templates()


def sign_in(view: SignIn) -> tuple[str, dict[str, Any]]:
    return "sign_in.html", {"title": "Sign in", "problem": view.problem, "wanted": view.wanted}


def home(view: Home) -> tuple[str, dict[str, Any]]:
    result = view.result
    return "home.html", {
        "title": view.tenant,
        "view": view,
        "summary": summary(view),
        "table": table(view.machines),
        "outcome": stored(result) if isinstance(result, Outcome) else None,
        "trouble": trouble(result) if isinstance(result, Trouble) else None,
        "written": "" if view.site_ms is None else at(view.site_ms),
        "chosen": visible(view.chosen) or (view.bound[0] if view.bound is not None and len(view.bound) == 1 else ""),
        "known": view.bound if view.bound is not None else [one.machine_id for one in view.machines],
        "most": units.text(view.max_bytes, units.BYTES),
        "bound": None if view.bound is None else units.listed([shown(one) for one in view.bound[:MAX_LISTED]]),
        "bound_more": max(0, len(view.bound or ()) - MAX_LISTED),
    }


def no_site(view: NoSite) -> tuple[str, dict[str, Any]]:
    return "no_site.html", {"title": "No report yet", "tenant": view.tenant}


def failed(view: Failed) -> tuple[str, dict[str, Any]]:
    title = TITLES.get(view.trouble.status, "This did not work")
    return "failed.html", {"title": title, "trouble": trouble(view.trouble), "status": view.trouble.status}


DRAWN: Mapping[type, Callable[[Any], tuple[str, dict[str, Any]]]] = {
    SignIn: sign_in, Home: home, NoSite: no_site, Failed: failed,
}  # fmt: skip


def summary(view: Home) -> dict[str, Any]:
    """Say what is stored: how much, and from when to when."""
    spans = [(one.start_ms, one.end_ms) for one in view.machines if one.start_ms is not None and one.end_ms is not None]
    if not spans:
        return {"stored": "Nothing is stored yet", "ends": []}
    samples = sum(one.samples for one in view.machines)
    span = times.stretch(min(start for start, _ in spans), max(end for _, end in spans))
    return {
        "stored": f"{counted(samples, 'sample')} of {counted(len(view.machines), 'machine')}",
        "ends": span.split(" to "),
    }


def table(machines: Sequence[Machine]) -> Table:
    heads = [Head("machine", False), Head("samples"), Head("period", False), Head("last received", False)]
    rows = [
        [
            Cell(
                shown(one.name or one.machine_id), name=True,
                second=shown(one.machine_id) if one.name not in ("", one.machine_id) else "",
            ),
            Cell(units.grouped(one.samples)), Cell(period(one)), Cell(at(one.seen_ms)),
        ]
        for one in machines
    ]  # fmt: skip
    return Table("stored-table", "What is stored; all times are UTC", heads, rows)


def period(machine: Machine) -> str:
    if machine.start_ms is None or machine.end_ms is None:
        return units.NOTHING
    return times.stretch(machine.start_ms, machine.end_ms).removesuffix(" UTC")


def at(at_ms: int) -> str:
    return f"{times.date(at_ms)} {times.clock(at_ms)}"


def stored(outcome: Outcome) -> dict[str, Any]:
    """Say what became of a file: in a title, a sentence, and the warnings that its reader had."""
    rows = counted(outcome.inserted, "sample")
    known = counted(outcome.duplicates, "sample")
    if outcome.sent_before:
        title, sentence = "Stored before", "This very file was uploaded before: nothing had to be stored again."
    elif outcome.inserted and outcome.duplicates:
        title, sentence = f"{rows} stored", f"{known} of the file were stored before, with the same values."
    elif outcome.inserted:
        title, sentence = f"{rows} stored", "All of the file is new, and safe on the disk."
    else:
        title, sentence = "Nothing new", f"All {known} of the file were stored before, with the same values."
    span = ""
    if outcome.start_ms is not None and outcome.end_ms is not None:
        span = times.stretch(outcome.start_ms, outcome.end_ms)
    return {
        "title": title, "sentence": sentence, "machine": shown(outcome.machine_id), "span": span,
        "new": "0" if outcome.sent_before else units.grouped(outcome.inserted),
        "known": units.grouped(outcome.duplicates + (outcome.inserted if outcome.sent_before else 0)),
        "warnings": [visible(warning) for warning in outcome.warnings[:MAX_LISTED]],
        "more": max(0, len(outcome.warnings) - MAX_LISTED),
    }  # fmt: skip


def trouble(found: Trouble) -> dict[str, Any]:
    """Say what is wrong: the sentence, where, and what to do."""
    message = visible(found.message)
    places = [(label, detail(found.details[name])) for name, label in LABELS.items() if name in found.details]
    return {
        "message": message,
        "places": [(label, text) for label, text in places if text and not says(message, label, text)],
        "advice": ADVICE.get(found.error_code, ""),
    }


def says(message: str, label: str, text: str) -> bool:
    """Say whether a sentence has a detail already: "line 6", "'ten'", or a list that cannot be there by chance."""
    return f"{label} {text}".lower() in message.lower() or repr(text) in message or (", " in text and text in message)


def detail(value: object) -> str:
    parts = value if isinstance(value, (list, tuple)) else [value]
    text = ", ".join(str(part) for part in parts[:MAX_LISTED]) + (" …" if len(parts) > MAX_LISTED else "")
    return visible(text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…")
