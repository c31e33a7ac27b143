"""What anyone may ask: whether the receiver is well, what time it has, and its version."""

import time
from typing import Any

from appliance import __version__
from appliance.receive import bodies
from appliance.receive.call import Call


def get(call: Call) -> dict[str, Any]:
    """`GET /health`."""
    database = call.status.database()
    return {
        "status": "healthy" if database == "healthy" and call.status.certificate_is_good else "degraded",
        "database": database,
        "uptime": call.status.uptime_seconds,
        "version": __version__,
        "active_connections": call.status.connections(),
        "measurements_received": call.status.measurements,
    }


def version(_: Call) -> dict[str, Any]:
    """`GET /v1/version`."""
    return {"version": __version__}


def ping(_: Call) -> dict[str, Any]:
    """`GET /v1/ping`."""
    return {"origintimestamp": None, "timestamp": int(time.time())}


def echo(call: Call) -> dict[str, Any]:
    """`POST /v1/ping`."""
    payload = bodies.json_object(bodies.read(call.environ, call.limits, call.limits.json_bytes), call.limits)
    origin = payload.get("timestamp")
    if not isinstance(origin, int) or isinstance(origin, bool):
        raise bodies.invalid_json('The body has no whole number "timestamp".')
    return {"origintimestamp": origin, "timestamp": int(time.time())}
