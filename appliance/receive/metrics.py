"""`GET /metrics`: what has to be watched of receiver and store, for Prometheus, and for nobody on the network."""

import hmac
import os
import resource
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bottle import HTTPResponse

from appliance.errors import Forbidden
from appliance.prometheus import head, histogram, sample
from appliance.receive import authentication
from appliance.receive.call import Call
from appliance.receive.status import UPLOADS, Status

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PAGE_BYTES = resource.getpagesize()


def get(call: Call) -> HTTPResponse:
    """Answer who shows the token, or if there is none, who asks from this machine; raise Forbidden."""
    check(call)
    text = "\n".join([*of_receiver(call.status), *of_store(call.folder), *of_process(), ""])
    return HTTPResponse(text.encode(), headers={"Content-Type": CONTENT_TYPE})


def check(call: Call) -> None:
    token = call.status.metrics_token
    if token:
        shown = authentication.key_of(call.environ, call.query)
        if not hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), token.encode()):
            raise Forbidden("The metrics are for who shows their token: Authorization: Bearer TOKEN.")
    elif not call.local:
        raise Forbidden("The metrics are for this machine: name a file with a token with --metrics-token-file.")


def of_receiver(status: Status) -> Iterator[str]:
    with status.lock:
        answers, refused = sorted(status.answers.items()), sorted(status.refused_connections.items())
        rows, measurements = status.rows, status.measurements
    uploads = [(code, count) for (method, route, code), count in answers if method == "POST" and route in UPLOADS]
    yield from head("pcd_requests_total", "counter", "Requests that were answered.")
    for (method, route, code), count in answers:
        yield sample("pcd_requests_total", count, {"method": method, "route": route, "status": code})
    yield from head("pcd_connections_refused_total", "counter", "Connections that were refused as they came.")
    for code, count in refused:
        yield sample("pcd_connections_refused_total", count, {"error_code": code})
    for name, kind, said, value in (
        ("pcd_active_connections", "gauge", "Connections that are open.", status.connections()),
        ("pcd_waiting_requests", "gauge", "Requests that wait for a thread.", status.waiting()),
        ("pcd_staged_bytes", "gauge", "Bodies that are being received or stored.", status.staged_bytes()),
        ("pcd_measurements_received_total", "counter", "Measurements and rows that were stored.", measurements),
        ("upload_requests_total", "counter", "Uploads.", sum(count for _, count in uploads)),
        ("upload_failures_total", "counter", "Uploads that stored nothing.",
         sum(count for code, count in uploads if not code.startswith("2"))),
        ("upload_rows_imported_total", "counter", "Rows that uploads brought.", rows),
        ("active_machines", "gauge", "Machines heard of in the last 15 minutes.", status.active_machines()),
        ("pcd_healthy", "gauge", "1 if nothing is wrong with the store.", int(status.database() == "healthy")),
    ):  # fmt: skip
        yield from head(name, kind, said)
        yield sample(name, value)
    with status.lock:
        yield from histogram("upload_duration_seconds", "From an upload's first byte to its answer.", status.uploads)
        yield from histogram("pcd_trickle_duration_seconds", "From a post's first byte to its answer.", status.posts)
    expires = status.certificate_expires()
    if expires is not None:
        name = "pcd_certificate_expiry_timestamp_seconds"
        yield from head(name, "gauge", "Until when the certificate is valid.")
        yield sample(name, expires)


def of_store(folder: Path) -> Iterator[str]:
    """Say how large the store is, of all tenants together, and how much room is left."""
    tenants, sizes = 0, {"data": 0, "wal": 0}
    with suppress(OSError), os.scandir(folder / "tenants") as found:
        for tenant in found:
            tenants += 1
            for what, name in (("data", "data.sqlite"), ("wal", "data.sqlite-wal")):
                with suppress(OSError):
                    sizes[what] += (Path(tenant.path) / name).stat().st_size
    rows = [
        ("perfanalysis_store_tenants", "Tenants that have data.", tenants),
        ("perfanalysis_store_bytes", "Size of the tenants' files.", sizes["data"]),
        ("perfanalysis_store_wal_bytes", "Size of the tenants' write-ahead logs.", sizes["wal"]),
    ]
    with suppress(OSError):
        room = os.statvfs(folder)
        rows.append(("perfanalysis_store_free_bytes", "Room on the file system.", room.f_bavail * room.f_frsize))
        rows.append(("perfanalysis_store_free_inodes", "Files that the file system has room for.", room.f_favail))
    for name, said, value in rows:
        yield from head(name, "gauge", said)
        yield sample(name, value)


def of_process() -> Iterator[str]:
    """Say what the process costs, under the names that every client of Prometheus uses."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resident = int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE_BYTES
    for name, kind, said, value in (
        ("process_cpu_seconds_total", "counter", "CPU time.", round(used.ru_utime + used.ru_stime, 3)),
        ("process_resident_memory_bytes", "gauge", "Resident memory.", resident),
        ("process_open_fds", "gauge", "Open files.", len(os.listdir("/proc/self/fd"))),  # noqa: PTH208
        ("process_max_fds", "gauge", "Files that may be open.", resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        ("process_start_time_seconds", "gauge", "When the process started.", round(time.time() - uptime(), 2)),
    ):
        yield from head(name, kind, said)
        yield sample(name, value)


def uptime() -> float:
    """Return for how long the process has run, in seconds."""
    ticks = int(Path("/proc/self/stat").read_text("ascii").rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
