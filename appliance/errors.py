"""The few errors that a person is meant to read: each message is one sentence that says what to do."""

from collections.abc import Mapping
from typing import Any


class PerfanalysisError(Exception):
    """Carry a sentence for a person, an exit code of sysexits.h, and the HTTP answer of contracts, section 8."""

    exit_code = 70
    status = 500
    error_code = "PROCESSING_ERROR"

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


class NoPermission(PerfanalysisError):
    exit_code, status = 77, 500


class BadConfiguration(PerfanalysisError):
    exit_code, status = 78, 500
