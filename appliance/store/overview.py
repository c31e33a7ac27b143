"""What a tenant has, told without reading its samples."""

from dataclasses import dataclass
from pathlib import Path

from appliance.errors import NotFound, PerfanalysisError
from appliance.store import database
from appliance.store.tenant import TenantStore, folder_of


@dataclass(frozen=True, slots=True)
class Overview:
    tenant: str
    folder: Path
    size_bytes: int
    """Of its files, on the disk."""
    machines: int = 0
    seen_ms: int | None = None
    """When something was last received."""
    start_ms: int | None = None
    end_ms: int | None = None
    trouble: str = ""
    """Why its file cannot be read; the numbers then say nothing."""


def of_tenant(folder: Path, tenant: str) -> Overview:
    """Return what a tenant has; a file that is not there yet is empty, and one that cannot be read is trouble."""
    own = folder_of(folder, tenant)
    size_bytes = sum(path.stat().st_size for path in own.glob("data.sqlite*"))
    try:
        with TenantStore(folder, tenant, read_only=True) as store, store.lock:
            machines, seen_ms = store.database.execute_sql("SELECT count(*), max(seen_ms) FROM machine").fetchone()
            start_ms, end_ms = store.database.execute_sql("SELECT min(start_ms), max(end_ms) FROM block").fetchone()
    except NotFound:
        return Overview(tenant, own, 0)
    except PerfanalysisError as error:
        return Overview(tenant, own, size_bytes, trouble=error.message)
    except database.LIBRARY_ERRORS as error:
        return Overview(tenant, own, size_bytes, trouble=str(database.translated(error, own / "data.sqlite")))
    return Overview(tenant, own, size_bytes, machines, seen_ms, start_ms, end_ms)
