"""
The access log: a JSON object a line for each request, in files that do not grow for ever.

A line is ASCII, so that no letter of it can do anything to a terminal. Nothing of a query and no header but
User-Agent is in it, and never a key.
"""

import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from appliance.receive.log import Request, hidden, logger

MAX_FILE_BYTES = 10 << 20
KEPT_FILES = 5
"""With the one that is written."""
MAX_LINE_BYTES = 2048
MAX_TEXT = 200
STRANGERS_A_SECOND = 50
"""So many requests without a valid key are written each second; of more it is written how many they were."""


class AccessLog:
    """May be used by any thread; never fails a request: what cannot be written is lost, and the log says so once."""

    def __init__(
        self, path: Path, max_file_bytes: int = MAX_FILE_BYTES, kept_files: int = KEPT_FILES,
        strangers_a_second: int = STRANGERS_A_SECOND,
    ) -> None:  # fmt: skip
        """Open a log; raise OSError."""
        self.path, self.max_file_bytes, self.kept_files = path, max_file_bytes, kept_files
        self.strangers_a_second = strangers_a_second
        self.lock = threading.Lock()
        self.failing = False
        self.second, self.strangers, self.left_out = 0, 0, 0
        self.open()

    def open(self) -> None:
        self.file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self.size = os.fstat(self.file).st_size

    def write(self, request: Request) -> None:
        now = time.time()
        with self.lock:
            if request.tenant is None and self.too_many(int(now)):
                self.left_out += 1
                return
            entry = {"time": stamp(now), **told(request)}
            if self.left_out:
                entry["left_out_before"], self.left_out = self.left_out, 0
            try:
                self.append(line(entry))
                self.failing = False
            except OSError as error:
                if not self.failing:
                    logger.error("the access log %s cannot be written: %s", self.path, error.strerror)
                self.failing = True

    def too_many(self, second: int) -> bool:
        if second != self.second:
            self.second, self.strangers = second, 0
        self.strangers += 1
        return self.strangers > self.strangers_a_second

    def append(self, content: bytes) -> None:
        if self.size and self.size + len(content) > self.max_file_bytes:
            self.rotate()
        os.write(self.file, content)
        self.size += len(content)

    def rotate(self) -> None:
        for number in range(self.kept_files - 2, -1, -1):
            older = self.name(number + 1)
            if (name := self.name(number)).exists():
                name.replace(older)
        self.reopen_now()

    def name(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path

    def reopen(self) -> None:
        """Open the file of the log's name again: the one that was open may have been renamed."""
        with self.lock:
            try:
                self.reopen_now()
            except OSError as error:
                logger.error("the access log %s cannot be opened again: %s", self.path, error.strerror)

    def reopen_now(self) -> None:
        before = self.file
        self.open()
        os.close(before)

    def close(self) -> None:
        with self.lock:
            os.close(self.file)


def told(request: Request) -> dict[str, Any]:
    """Return what is written of a request, by name."""
    return {
        "address": request.address,
        "method": request.method,
        "path": hidden(request.path),
        "status": int(request.status),
        "received": number(request.bytes_received),
        "sent": number(request.bytes_sent),
        "ms": round(request.seconds * 1000, 1),
        "tenant": request.tenant,
        "key": request.key_id,
        "agent": hidden(request.agent or "") or None,
    }


def number(text: str | None) -> int | None:
    return int(text) if text and len(text) < 20 and text.isascii() and text.isdigit() else None


def line(entry: Mapping[str, Any]) -> bytes:
    short = {name: value[:MAX_TEXT] if isinstance(value, str) else value for name, value in entry.items()}
    content = json.dumps(short, separators=(",", ":"), ensure_ascii=True).replace("\x7f", "\\u007f")
    if len(content) >= MAX_LINE_BYTES:
        # Letters beyond ASCII take six or twelve bytes each.
        content = json.dumps({**short, "path": short.get("path", "")[:40], "agent": None}, separators=(",", ":"))
    return content.encode("ascii") + b"\n"


def stamp(now: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"
