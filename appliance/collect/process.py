"""
One process: what its files under /proc say, and what it used since it was looked at last.

Looks are numbered. A counter's growth is kept with the number of looks that it is spread over, because of a crowd not
everybody is looked at each time.
"""

import json
import os
from collections.abc import Iterable
from contextlib import suppress

from appliance.collect import control_groups
from appliance.collect.users import Users

AWAKE_LOOKS = 10
"""So long after it did something a process counts as awake."""
IDENTITY_LOOKS = 60
"""So long it is believed who a process is: it may change its user and its control group."""
ASKED_LOOKS = 60
"""Of what was asked longer ago it is not told what it grew by: that says nothing of now."""
KERNEL_THREAD = 0x00200000
READ_BYTES, STATUS_BYTES = 4096, 16 << 10
"""Of most files, and of /proc/PID/status, which lists the groups of its user."""
STATUS_FIELDS = (b"\nVmSwap:", b"\nFDSize:", b"\nvoluntary_ctxt_switches:", b"\nnonvoluntary_ctxt_switches:")
MOST_FILES = 2048
"""Where the kernel does not say how many files are open, so many at most are counted."""
READ_ONLY = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


class Process:
    __slots__ = (
        "asked", "asked_text", "cpu", "cpu_used", "faults", "faults_used", "files", "identified", "identity",
        "involuntary", "io_known", "io_looked", "io_span", "kept", "kernel", "looked", "name", "path", "pid", "read",
        "read_used", "rss_kb", "span", "start", "state", "stirred", "swap_kb", "switched", "text", "threads",
        "voluntary", "written", "written_used",
    )  # fmt: skip

    def __init__(self, root: str, pid: str, absent: int | None) -> None:
        """Meet a process that was not there at the look `absent`; None for one that may be older than the recording."""
        self.pid = int(pid)
        self.path = f"{root}/{pid}"
        self.looked = self.io_looked = self.asked = absent
        self.text = self.asked_text = 0
        self.name = self.start = b""
        self.state = "?"
        self.stirred = -AWAKE_LOOKS if absent is None else absent
        self.kernel = self.io_known = False
        self.cpu = self.faults = self.read = self.written = 0
        self.cpu_used = self.faults_used = self.read_used = self.written_used = 0
        self.span = self.io_span = 0
        self.rss_kb = self.threads = 0
        self.swap_kb: int | None = None
        self.files: int | None = None
        self.voluntary: int | None = 0
        self.involuntary: int | None = 0
        self.switched = ""
        self.identity, self.identified = "", -IDENTITY_LOOKS
        self.kept: int | None = None

    def look(self, number: int) -> None:
        """Look at it; raise OSError if it is gone or may not be looked at, ValueError or IndexError on odd text."""
        text = self.read_stat()
        self.cpu_used = self.faults_used = self.read_used = self.written_used = 0
        self.span = number - self.looked if self.looked is not None else 0
        # Of a process that sleeps, the text stays as it is: to know that costs less than to take it apart.
        changed = (known := hash(text)) != self.text
        if changed:
            self.take_apart(text)
            self.text = known
            if self.span:
                self.stirred = number
        self.looked = number
        # Who reads or writes uses some CPU time too; now and then it is asked whoever it is.
        if changed or (self.pid + number) % AWAKE_LOOKS == 0:
            self.look_at_io(number)

    def read_stat(self) -> bytes:
        """
        Return the text of /proc/PID/stat, from a descriptor that is kept open where one is.

        To open costs a third of a look. The descriptor of a process that ended gives nothing, whoever has its pid now.
        """
        if self.kept is not None:
            return os.pread(self.kept, READ_BYTES, 0)
        return read_bytes(f"{self.path}/stat")

    def keep(self) -> bool:
        """Keep its file open, if it is one that the kernel makes: an ordinary file may be replaced by another one."""
        with suppress(OSError):
            descriptor = os.open(f"{self.path}/stat", READ_ONLY)
            if not os.fstat(descriptor).st_size:
                self.kept = descriptor
                return True
            os.close(descriptor)
        return False

    def close(self) -> None:
        if self.kept is not None:
            os.close(self.kept)
            self.kept = None

    def take_apart(self, text: bytes) -> None:
        """
        Read the text of /proc/PID/stat: its name is in parentheses and may hold any byte, parentheses too.

        Behind it are, from 0: state, 6 flags, 9 major faults, 11 and 12 CPU ticks, 17 threads, 19 start, 21 pages.
        """
        end = text.rindex(b")")
        fields = text[end + 2 :].split(None, 22)
        name, start = text[text.index(b"(") + 1 : end], fields[19]
        if self.start and start != self.start:
            self.begin_anew()
        cpu, faults = int(fields[11]) + int(fields[12]), int(fields[9])
        self.rss_kb, self.threads = int(fields[21]) * PAGE_KB, int(fields[17])
        if self.span:
            self.cpu_used, self.faults_used = max(0, cpu - self.cpu), max(0, faults - self.faults)
        if name != self.name:
            self.identified = -IDENTITY_LOOKS
        self.cpu, self.faults, self.name, self.start = cpu, faults, name, start
        self.state = fields[0].decode("ascii", "replace")
        self.kernel = bool(int(fields[6]) & KERNEL_THREAD)

    def begin_anew(self) -> None:
        """The pid was given to another process: what that one used, it used since this one was looked at."""
        self.cpu = self.faults = self.read = self.written = 0
        self.voluntary = self.involuntary = 0
        self.io_looked = self.asked = self.looked
        self.identified = -IDENTITY_LOOKS

    def look_at_io(self, number: int) -> None:
        """Read what it read and wrote, from and to a disk; only root and its own user may."""
        self.io_known = False
        try:
            # "rchar: N", wchar, syscr, syscw, read_bytes, write_bytes, cancelled_write_bytes.
            fields = read_bytes(f"{self.path}/io").split(None, 12)
            read, written = int(fields[9]), int(fields[11])
        except (OSError, ValueError, IndexError):
            return
        self.io_known = True
        if self.io_looked is not None:
            self.io_span = number - self.io_looked
            self.read_used, self.written_used = max(0, read - self.read), max(0, written - self.written)
        self.read, self.written, self.io_looked = read, written, number

    def ask(self, number: int, every: int, files_counted: bool) -> None:
        """
        Read what only the biggest are asked for, and only every so many looks: swap, open files, switches.

        To ask costs as much as to look, and of one that did nothing that its CPU time shows there is nothing to know.
        """
        self.switched = ""
        if self.text == self.asked_text or (self.asked_text and (self.pid + number) % every):
            return
        try:
            text = read_bytes(f"{self.path}/status", STATUS_BYTES)
        except OSError:
            text = b""
        self.swap_kb, room, voluntary, involuntary = [field(text, start) for start in STATUS_FIELDS]
        self.files = open_files(f"{self.path}/fd", files_counted, room)
        if self.asked is not None and 0 < number - self.asked <= ASKED_LOOKS:
            grown = growth(self.voluntary, voluntary), growth(self.involuntary, involuntary)
            self.switched = f',"switched":{listed(grown)}' + over("switched_over", number - self.asked)
        self.voluntary, self.involuntary, self.asked, self.asked_text = voluntary, involuntary, number, self.text

    def row(self, number: int, users: Users, arguments: bool) -> str:
        """
        Return its line of the record: who it is, how it is, and what it used since it was looked at before.

        `is` has state, threads and resident kB; `has` kB in swap and open files; `used` CPU ticks, bytes read and
        written, and major faults, without the zeros at its end; `switched` how often its first thread gave up the CPU
        and had to. What is not known is null. `over` says over how many looks, where it is more than one. In lists that
        is a fifth less to send than by name.
        """
        if number - self.identified >= IDENTITY_LOOKS:
            self.identity, self.identified = self.identify(users, arguments), number
        used = self.used() if self.span else ""
        has = f',"has":{listed((self.swap_kb, self.files))}'
        return f'{{{self.identity},"is":["{self.state}",{self.threads},{self.rss_kb}]{has}{used}{self.switched}}}'

    def used(self) -> str:
        io = (self.read_used, self.written_used) if self.io_known else (None, None)
        amounts: list[int | None] = [self.cpu_used, *io, self.faults_used]
        while amounts and amounts[-1] == 0:
            del amounts[-1]
        text = f',"used":{listed(amounts)}' + over("over", self.span)
        return text + over("io_over", self.io_span) if self.read_used or self.written_used else text

    def identify(self, users: Users, arguments: bool) -> str:
        """Return who it is, as the first members of a JSON object."""
        record: dict[str, object] = {
            "pid": self.pid,
            "start": int(self.start),
            "name": self.name.decode("utf-8", "backslashreplace"),
        }
        with suppress(OSError):
            record["user"] = users.name(os.stat(self.path).st_uid)  # noqa: PTH116
        if self.kernel:
            record["kernel"] = 1
        else:
            with suppress(OSError):
                record |= belongs_to(read_bytes(f"{self.path}/cgroup").decode("utf-8", "backslashreplace"))
            if arguments:
                with suppress(OSError):
                    record["args"] = self.command_line()
        return json.dumps(record, separators=(",", ":"))[1:-1]

    def command_line(self) -> str:
        # Late: few want arguments.
        from appliance.collect.redaction import redacted  # noqa: PLC0415

        text = read_bytes(f"{self.path}/cmdline").decode("utf-8", "backslashreplace")
        return redacted(text.rstrip("\0").split("\0"))


def field(text: bytes, start: bytes) -> int | None:
    """Return the number of a line of /proc/PID/status; None where it has none, as a kernel thread has no memory."""
    at = text.find(start)
    words = text[at + len(start) : text.find(b"\n", at + 1)].split(None, 1) if at >= 0 else []
    return int(words[0]) if words and words[0].isdigit() else None


def open_files(path: str, counted: bool, most: int | None) -> int | None:
    """
    Return how many files are open; None where that may not be known, or may be so many that to list them would cost.

    From Linux 6.2 on the folder's size says it, for which `counted`; `most` is for how many there is room.
    """
    try:
        if counted:
            return os.stat(path).st_size  # noqa: PTH116
        return len(os.listdir(path)) if most is not None and most <= MOST_FILES else None  # noqa: PTH208
    except OSError:
        return None


def growth(before: int | None, now: int | None) -> int | None:
    return None if before is None or now is None else max(0, now - before)


def listed(amounts: Iterable[int | None]) -> str:
    return "[" + ",".join(["null" if amount is None else str(amount) for amount in amounts]) + "]"


def over(key: str, looks: int) -> str:
    return f',"{key}":{looks}' if looks > 1 else ""


def belongs_to(text: str) -> dict[str, str]:
    """Return the container or the systemd unit of the text of /proc/PID/cgroup."""
    path = control_groups.own_path(text)
    if (container := control_groups.container(path)) is not None:
        return {"container": f"{container[0]}/{container[1][:12]}"}
    unit = control_groups.unit(path)
    return {"unit": unit} if unit else {}


def read_bytes(path: str, most: int = READ_BYTES) -> bytes:
    descriptor = os.open(path, READ_ONLY)
    try:
        return os.read(descriptor, most)
    finally:
        os.close(descriptor)
