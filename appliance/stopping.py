"""
Signals that ask a recorder to stop: noted when they come, heeded between two samples, so that each is written whole.

Not `signal.sigtimedwait`: when a stopped process goes on after the time it was to wait, it returns a signal that never
came.
"""

import os
import select
import signal

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stopping:
    def __init__(self) -> None:
        """Note the signals from now on; those that nohup or a shell's background ignores stay ignored."""
        self.noted, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # Python's own part of a signal's handling writes a byte there, in whatever thread it comes.
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        self.usual = {
            number: signal.signal(number, lambda *_: None)
            for number in SIGNALS
            if signal.getsignal(number) is not signal.SIG_IGN
        }

        # Other programs read their settings again at these; to end for one would lose samples.
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)

    def wait(self, seconds: float) -> bool:
        """Wait so long at most, and say whether we were asked to stop: once for each signal."""
        ready, _, _ = select.select([self.noted], [], [], max(0, seconds))
        try:
            return bool(ready and os.read(self.noted, 1))
        except BlockingIOError:
            # Another thread has heeded it.
            return False

    def end(self) -> None:
        """Let the signals do again what they usually do."""
        for number, usual in self.usual.items():
            signal.signal(number, usual)
