"""
perfanalysis[processes]: the biggest processes of each interval, and counts of all, one JSON object a line.

The first line counts; each other one is a process that is among the ten biggest by CPU time, memory, bytes read or
bytes written, with what it used in the interval: a counter would say nothing of a process that is big only once. Of a
crowd not everybody is looked at each time, and how many were not is in the record.
"""

import os
import resource
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from heapq import nlargest
from operator import attrgetter

from appliance.collect.process import AWAKE_LOOKS, Process, read_bytes
from appliance.collect.sources import NOT_NOW, Source, read_text
from appliance.collect.users import Users

SUBSYSTEM = "perfanalysis[processes]"
BIGGEST = 10
LOOKS_A_SECOND = 200
"""How many processes are looked at: some 1.5 ms of a CPU each second, as much in an hour at whatever interval."""
FIRST_LOOKS, MOST_LOOKS = 4000, 16_000
SHORTEST_SECONDS = 0.95
"""At an interval below a second, processes are looked at once a second."""
DOZE_LOOKS, DOZE_TURNS = 60, 3
"""Who has done nothing for so many looks is looked at every third time."""
LIST_LOOKS = 10
"""Listed now and then in any case: what /proc/loadavg says may be of another container than the rest of /proc."""
CROWD_SECONDS = 0.5
"""A machine that is short of memory keeps us waiting for each process, and that is when they are of interest."""
ASK_SECONDS = 5
"""How often the biggest are asked what costs more to ask and to keep."""
KEPT_FILES = 200
"""So many processes' files are kept open, at most a quarter of what a program may have open."""
LIMITS = {"pid_max": "sys/kernel/pid_max", "threads_max": "sys/kernel/threads-max"}
by_memory, state_of, threads_of = attrgetter("rss_kb"), attrgetter("state"), attrgetter("threads")
RANKS: list[tuple[Callable[[Process], int], Callable[[Process], float]]] = [
    (attrgetter("cpu_used"), lambda process: process.cpu_used / process.span),
    (attrgetter("read_used"), lambda process: process.read_used / process.io_span),
    (attrgetter("written_used"), lambda process: process.written_used / process.io_span),
]
"""By what processes are the biggest, beside memory: what they used, and used a look."""


def source(root: str, arguments: bool = False, monotonic: Callable[[], float] = time.monotonic) -> Source:
    crowd = Crowd(root, arguments, Users())
    before: float | None = None

    def read() -> str | dict[str, str]:
        nonlocal before
        now = monotonic()
        every = 1
        if before is None:
            looks = FIRST_LOOKS
        elif now - before < SHORTEST_SECONDS:
            return NOT_NOW
        else:
            looks = min(round(LOOKS_A_SECOND * max(1.0, now - before)), MOST_LOOKS)
            every = max(1, round(ASK_SECONDS / (now - before)))
        before = now
        return crowd.sample(looks, every)

    return Source(SUBSYSTEM, read, limit_seconds=CROWD_SECONDS)


def with_arguments(root: str) -> Source:
    """Make the source that tells the arguments of programs too, secrets replaced as far as they are known as such."""
    return source(root, arguments=True)


class Crowd:
    """All processes of a machine, as far as they were looked at."""

    def __init__(self, root: str, arguments: bool, users: Users) -> None:
        self.root = root
        self.arguments = arguments
        self.users = users
        self.known: dict[str, Process] = {}
        self.top: list[Process] = []
        self.turns: list[str] = []
        self.number = 0
        self.given: bytes | None = None
        self.limits = ""
        self.files_counted = counts_files(root)
        self.may_keep = KEPT_FILES if resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 4 * KEPT_FILES else 0

    def sample(self, looks: int, every: int = 1) -> str:
        """Look at so many processes at most, ask the biggest for more every so many times, and return the record."""
        self.number += 1
        self.meet()
        looked = [process for process in self.choose(looks) if self.look(process)]
        self.top = self.biggest(looked)
        self.users.refresh()
        for process in self.top:
            process.ask(self.number, every, self.files_counted)
        rows = [process.row(self.number, self.users, self.arguments) for process in self.top]
        return "\n".join([self.counts(len(looked)), *rows]) + "\n"

    def meet(self) -> None:
        """
        Get to know who is new, and forget who is gone.

        To list a hundred processes takes as long as to look at forty: if no pid was given out, nobody is new.
        """
        given, self.given = self.given, self.last_pid()
        if given is not None and given == self.given and self.number % LIST_LOOKS:
            return
        known = self.known
        present = [name for name in os.listdir(self.root) if name.isdigit()]  # noqa: PTH208
        absent = self.number - 1 if self.number > 1 else None
        for pid in present:
            if pid not in known:
                known[pid] = Process(self.root, pid, absent)
        if len(known) > len(present):
            for pid in known.keys() - set(present):
                self.forget(pid)

    def last_pid(self) -> bytes | None:
        """Return the pid that was given out last, the end of /proc/loadavg; None where that is not known."""
        try:
            return read_bytes(f"{self.root}/loadavg").split()[4]
        except (OSError, IndexError):
            return None

    def choose(self, looks: int) -> Collection[Process]:
        """
        Choose whom to look at: everybody, or who was big, is new, or was awake lately; the others in turns.

        A quarter of the looks at least goes to the others, however many are awake. Threads of the kernel that sleep,
        of which an idle machine has more than processes, are looked at in turns always; where time is short (at an
        interval of a second, from some 50 processes on) so is who has slept for a minute.
        """
        everybody, number = self.known.values(), self.number
        awake_since = number - AWAKE_LOOKS
        dozing_since = number - DOZE_LOOKS if len(everybody) * 4 > looks else -DOZE_LOOKS
        if len(everybody) <= looks:
            return [
                process
                for process in everybody
                if process.stirred > awake_since
                or (process.pid + number) % AWAKE_LOOKS == 0
                or not (process.kernel or (process.stirred < dozing_since and (process.pid + number) % DOZE_TURNS))
            ]
        chosen = {str(process.pid): process for process in self.top if str(process.pid) in self.known}
        for process in everybody:
            if len(chosen) >= looks * 3 // 4:
                break
            if process.stirred > awake_since:
                chosen[str(process.pid)] = process
        while len(chosen) < looks:
            if not self.turns:
                self.turns = list(self.known)
            pid = self.turns.pop()
            if pid in self.known:
                chosen[pid] = self.known[pid]
        return chosen.values()

    def look(self, process: Process) -> bool:
        """Look at one and say whether it could be done: it may be gone, or another user's and hidden."""
        try:
            process.look(self.number)
        except (FileNotFoundError, ProcessLookupError):
            self.forget(str(process.pid))
            return False
        except (OSError, ValueError, IndexError):
            return False
        if process.kept is None and self.may_keep and not process.kernel and process.keep():
            self.may_keep -= 1
        return True

    def forget(self, pid: str) -> None:
        process = self.known.pop(pid, None)
        if process is not None and process.kept is not None:
            process.close()
            self.may_keep += 1

    def biggest(self, looked: list[Process]) -> list[Process]:
        """Return the biggest of the interval, by pid, so that one sample's text is much like the next one's."""
        found = [process for process in nlargest(BIGGEST, self.known.values(), by_memory) if process.rss_kb]
        # Some of the biggest by memory sleep, and were perhaps not looked at this time.
        looked += [process for process in found if process.looked != self.number and self.look(process)]
        found = [process for process in found if process.looked == self.number]
        for amount, rate in RANKS:
            found += nlargest(BIGGEST, [process for process in looked if amount(process)], rate)
        return sorted(set(found), key=attrgetter("pid"))

    def counts(self, looked: int) -> str:
        """Return the line that counts: processes, those not looked at this time, threads, and processes by state."""
        everybody = self.known.values()
        states = "".join(map(state_of, everybody))
        by_state = ",".join(f'"{state}":{states.count(state)}' for state in sorted(set(states) - {"?"}))
        if self.number % LIST_LOOKS == 1:
            self.limits = limits(self.root)
        return (
            f'{{"processes":{len(everybody)},"not_looked_at":{len(everybody) - looked},'
            f'"threads":{sum(map(threads_of, everybody))},"states":{{{by_state}}}{self.limits}}}'
        )


def counts_files(root: str) -> bool:
    """Say whether the kernel says how many files a process has open without listing them, as Linux 6.2 does."""
    try:
        return os.stat(f"{root}/self/fd").st_size > 0  # noqa: PTH116
    except OSError:
        return False


def limits(root: str) -> str:
    """Return how many processes and threads there may be, as members of a JSON object."""
    found = ""
    for key, name in LIMITS.items():
        with suppress(OSError, ValueError):
            found += f',"{key}":{int(read_text(f"{root}/{name}"))}'
    return found
