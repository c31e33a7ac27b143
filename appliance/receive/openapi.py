"""`GET /openapi.json`: the description of the receiver, made of its routes and limits, so that it cannot be another."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from appliance import __version__
from appliance.receive.call import Call
from appliance.receive.limits import Limits

if TYPE_CHECKING:
    from appliance.receive.application import Route

PATH = "/openapi.json"
JSON, CSV, FORM = "application/json", "text/csv", "multipart/form-data"

Schema = dict[str, Any]


def get(call: Call) -> dict[str, Any]:
    """Describe the receiver, in OpenAPI 3.1."""
    return document(call.routes, call.limits)


def nullable(kind: str) -> Schema:
    return {"type": [kind, "null"]}


def objects(**properties: Schema) -> Schema:
    """An object that has all of these."""
    return {"type": "object", "required": list(properties), "properties": properties}


TEXT, WHOLE, TRUTH = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
COUNT = {"type": "integer", "minimum": 0}
MACHINE_ID = {"type": "string", "minLength": 1, "maxLength": 64}
WARNINGS = {"type": "array", "items": TEXT}
SUCCESS = {"const": "success"}
SPAN = objects(start=nullable("string"), end=nullable("string"))
MACHINE = objects(id=MACHINE_ID, name=TEXT, created_at=TEXT, last_seen=TEXT, samples=COUNT, range=SPAN)
PING = objects(origintimestamp=nullable("integer"), timestamp=WHOLE)
ERROR = {**objects(status={"const": "error"}, error_code=TEXT, message=TEXT, details={"type": "object"}),
         "additionalProperties": False}  # fmt: skip
MEASUREMENT = {
    **objects(timestamp={"type": "number", "minimum": 0}, subsystem=TEXT, measurement=TEXT),
    "additionalProperties": False,
}


def query(name: str, schema: Schema, said: str, *, required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": said}


TENANT = query("tenant_id", TEXT, "Must be the key's tenant; not needed.")
SPAN_QUERY = [
    query("machine_id", MACHINE_ID, "Whose samples.", required=True),
    query("start", TEXT, "From then on: YYYY-MM-DD, ISO 8601 with a zone, or Unix seconds."),
    query("end", TEXT, "Until then; a day is included."),
]

# What is known of a route besides its entry in ROUTES, by method and path.
# `query` are its parameters, `body` is of a kind and a schema (with the limits), `answer` is what 200 has.
KNOWN: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/v1/performance/upload"): {
        "query": [TENANT],
        "body": lambda limits: (FORM, {
            "type": "object", "required": ["file", "machine_id"],
            "properties": {
                "file": {"type": "string", "format": "binary", "maxLength": limits.file_bytes},
                "machine_id": MACHINE_ID, "tenant_id": TEXT,
            },
        }),
        "answer": objects(
            status=SUCCESS, upload_id=TEXT, machine_id=MACHINE_ID, rows_imported=COUNT, rows_duplicate=COUNT,
            duplicate=TRUTH, timestamp_range=SPAN, warnings=WARNINGS,
        ),
    },
    ("GET", "/api/v1/performance/data"): {
        "query": [*SPAN_QUERY, TENANT],
        "answer": objects(status=SUCCESS, machine_id=MACHINE_ID, data_url=TEXT, expires_at=TEXT, row_count=COUNT),
    },
    ("GET", "/api/v1/performance/export"): {
        "query": [*SPAN_QUERY, query("format", {"const": "csv"}, "There is one."), TENANT],
        "answer": TEXT, "kind": CSV,
    },
    ("GET", "/api/v1/machines"): {
        "query": [TENANT], "answer": objects(status=SUCCESS, machines={"type": "array", "items": MACHINE}),
    },
    ("GET", "/api/v1/machines/<machine_id>"): {"query": [TENANT], "answer": MACHINE},
    ("POST", "/v1/trickle"): {
        "query": [TENANT],
        "body": lambda limits: (JSON, {
            "type": "object", "required": ["identifier", "measurements"],
            "properties": {
                "identifier": MACHINE_ID, "tenant_id": TEXT, "run": COUNT,
                "measurements": {
                    "type": "array", "items": MEASUREMENT, "minItems": 1, "maxItems": limits.measurements,
                },
            },
        }),
        "answer": objects(
            error={"type": "null"}, status=SUCCESS, batch=TEXT, rows=COUNT, inserted=COUNT, duplicates=COUNT,
            conflicts=COUNT, duplicate=TRUTH, warnings=WARNINGS, store=TEXT,
        ),
    },
    ("POST", "/v1/ping"): {"body": lambda _: (JSON, objects(timestamp=WHOLE)), "answer": PING},
    ("GET", "/v1/ping"): {"answer": PING},
    ("GET", "/v1/version"): {"answer": objects(version=TEXT)},
    ("GET", "/health"): {
        "answer": objects(
            status={"enum": ["healthy", "degraded"]}, database=TEXT, uptime=COUNT, version=TEXT,
            active_connections=COUNT, measurements_received=COUNT,
        ),
    },
    ("GET", "/metrics"): {"answer": TEXT, "kind": "text/plain", "refuses": [403]},
    ("GET", PATH): {"answer": {"type": "object"}},
}  # fmt: skip
REFUSES_ALL = [400, 408, 411, 413, 429, 431, 500, 503]
REFUSES_KEYS = [401, 403, 404]
REFUSES_BODIES = [409, 415, 507]


def document(routes: Iterable["Route"], limits: Limits) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        written = route.path.replace("<", "{").replace(":path", "").replace(">", "}")
        paths.setdefault(written, {})[route.method.lower()] = operation(route, limits)
    return {
        "openapi": "3.1.0",
        "info": {"title": "perfanalysis", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": {"Error": ERROR},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apikey": {"type": "apiKey", "in": "header", "name": "apikey"},
            },
        },
    }


def operation(route: "Route", limits: Limits) -> dict[str, Any]:
    known = KNOWN.get((route.method, route.path), {})
    in_path = [part.partition(":")[0] for part in route.path.replace(">", "<").split("<")[1::2]]
    described: dict[str, Any] = {
        "summary": (route.answer.__doc__ or "").strip().partition("\n")[0],
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": MACHINE_ID} for name in in_path),
            *known.get("query", ()),
        ],
        "responses": responses(route, known),
    }
    if route.scope:
        described["security"] = [{"bearer": []}, {"apikey": []}]
        described["x-scope"] = route.scope
    if most := route.max_bytes(limits):
        kind, schema = known["body"](limits) if "body" in known else ("*/*", {})
        described["requestBody"] = {"required": True, "content": {kind: {"schema": schema}}}
        described["x-max-bytes"] = most
    return described


def responses(route: "Route", known: Mapping[str, Any]) -> dict[str, Any]:
    refusals = {*REFUSES_ALL, *known.get("refuses", ())}
    refusals |= set(REFUSES_KEYS) if route.scope else set()
    refusals |= set(REFUSES_BODIES) if route.method == "POST" else set()
    error = {"description": "An error.", "content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}}
    answer = {"schema": known["answer"]} if "answer" in known else {}
    return {
        "200": {"description": "It is done.", "content": {known.get("kind", JSON if answer else "*/*"): answer}},
        **{str(status): error for status in sorted(refusals)},
    }
