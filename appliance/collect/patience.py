"""
Patience with a limit: what may hang (a dead network mount, a sensor) is asked in a thread of its own, once at a time.

An answer that does not come at once is waited for by the thread alone; when it has come, it is the next answer if it is
young enough. So a question that hangs costs one short wait and one thread, however long it hangs.
"""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

WAIT_SECONDS = 0.1
"""How long the recorder itself waits: below what makes a tick of one second late."""
DEADLINE_SECONDS = 2.0
"""An answer older than this is none."""

Answer = TypeVar("Answer")


class Patience(Generic[Answer]):
    def __init__(
        self, question: Callable[[], Answer], wait_seconds: float = WAIT_SECONDS, deadline: float = DEADLINE_SECONDS
    ) -> None:
        self.question, self.wait_seconds, self.deadline = question, wait_seconds, deadline
        self.changed = threading.Condition()
        self.thread: threading.Thread | None = None
        self.asking = self.ended = False
        self.answer: Answer | None = None
        self.error: Exception | None = None
        self.answered = float("-inf")

    def ask(self) -> Answer:
        """Return the answer, or raise what the question raised, or TimeoutError where there is no answer in time."""
        with self.changed:
            waited = self.asking
            if not waited:
                self.begin()
                self.changed.wait_for(lambda: not self.asking, self.wait_seconds)
            if self.asking and time.monotonic() - self.answered > self.deadline:
                raise TimeoutError(f"no answer within {self.wait_seconds:g} s" if not waited else "still no answer")
            if self.error is not None:
                raise self.error
            return self.answer  # type: ignore[return-value]

    def begin(self) -> None:
        self.asking = True
        if self.thread is None:
            self.thread = threading.Thread(target=self.run, name="patience", daemon=True)
            self.thread.start()
        else:
            self.changed.notify_all()

    def run(self) -> None:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.asking or self.ended)
                if self.ended:
                    return
            answer, error = None, None
            try:
                answer = self.question()
            except Exception as raised:  # noqa: BLE001
                # The thread's boundary: who asked gets it.
                error = raised
            with self.changed:
                self.answer, self.error = answer, error
                self.answered, self.asking = time.monotonic(), False
                self.changed.notify_all()

    def end(self) -> None:
        """Let the thread end, as soon as it has its answer."""
        with self.changed:
            self.ended = True
            self.changed.notify_all()
