"""The few errors that a person is meant to read: each message is one sentence that says what to do."""

from collections.abc import Mapping
from typing import Any


class PerfanalysisError(Exception):
    """Carry a sentence for a person, an exit code of sysexits.h, and the HTTP answer of contracts, section 8."""

    exit_code = 70
    status = 500
    error_code = "PROCESSING_ERROR"
    public = ""
    """What a sender is told of what is our fault and passes; the message is for the log."""
    retry_seconds = 5
    """When a sender may try again what may pass."""

    def __init__(self, message: str, *, error_code: str | None = None, details: Mapping[str, Any] | None = None):
        super().__init__(message)
        self.message = message
        self.details = dict(details or {})
        if error_code is not None:
            self.error_code = error_code


class UsageError(PerfanalysisError):
    exit_code, status, error_code = 64, 400, "BAD_REQUEST"


class MissingParameters(PerfanalysisError):
    exit_code, status, error_code = 64, 400, "MISSING_PARAMETERS"


class BadData(PerfanalysisError):
    """Input that is refused whole: nothing of it is stored."""

    exit_code, status, error_code = 65, 400, "BAD_REQUEST"


class InvalidCsv(BadData):
    error_code = "INVALID_CSV_FORMAT"


class InvalidMachineId(BadData):
    error_code = "INVALID_MACHINE_ID"


class Conflict(BadData):
    """Other values for a machine and time that are stored already: the first stays."""

    status, error_code = 409, "CONFLICT"


class TooLarge(PerfanalysisError):
    exit_code, status, error_code = 65, 413, "PAYLOAD_TOO_LARGE"


class NoInput(PerfanalysisError):
    exit_code, status, error_code = 66, 400, "NO_DATA"


class InvalidKey(PerfanalysisError):
    """One answer for every bad key, so that nothing can be learned from it."""

    exit_code, status, error_code = 77, 401, "INVALID_API_KEY"


class Forbidden(PerfanalysisError):
    exit_code, status, error_code = 77, 403, "FORBIDDEN"


class TenantMismatch(Forbidden):
    error_code = "UNAUTHORIZED"


class NotFound(PerfanalysisError):
    exit_code, status, error_code = 66, 404, "NOT_FOUND"


class Unavailable(PerfanalysisError):
    exit_code, status, error_code = 69, 503, "OVERLOADED"


class InUse(PerfanalysisError):
    exit_code, status, error_code = 73, 503, "OVERLOADED"


class CannotCreate(PerfanalysisError):
    exit_code, status = 73, 500


class InputOutput(PerfanalysisError):
    exit_code, status = 74, 500


class InsufficientStorage(InputOutput):
    """There is no room for more; reading and removing go on."""

    status, error_code, retry_seconds = 507, "INSUFFICIENT_STORAGE", 60
    public = "The receiver has no room for more: try again later."


class QuotaReached(InsufficientStorage):
    retry_seconds = 600
    public = "The tenant has as much as it may: nothing more is stored until something is removed."


class Damaged(BadData):
    """A file of ours that is not as we wrote it."""

    status = 500


class StoreAside(InputOutput):
    """A tenant's file was damaged and set aside, or is gone: an empty one does not take its place."""

    status, error_code, retry_seconds = 503, "STORE_QUARANTINED", 600
    public = "The tenant's data is set aside, for it was damaged or is gone: somebody has to restore it."


class StoreUnusable(InputOutput):
    """A tenant's file cannot be opened, for its rights, or since a newer program wrote it; nothing of it is changed."""


class FolderGone(InputOutput):
    """The data folder is not the one that was opened."""

    status, error_code, retry_seconds = 503, "STORE_GONE", 60
    public = "The receiver has lost its data folder: try again later."


class NoPermission(PerfanalysisError):
    exit_code, status = 77, 500


class BadConfiguration(PerfanalysisError):
    exit_code, status = 78, 500
