"""A /proc with processes in it, as files, which a test may change between two looks."""

import shutil
from collections.abc import Callable
from pathlib import Path

KERNEL_THREAD = 0x00200000


class People:
    """The processes of a small machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(exist_ok=True)

    def be(
        self, pid: int, name: str | bytes = "app", *, cpu: int = 0, pages: int = 100, start: int = 500,
        state: str = "S", faults: int = 0, threads: int = 1, flags: int = 0, io: tuple[int, int] | None = (0, 0),
        cgroup: str = "0::/\n", arguments: bytes = b"app\0", swap: int | None = 0, files: int | None = 3,
        switches: tuple[int, int] | None = (0, 0),
    ) -> None:  # fmt: skip
        """Write what the kernel would say of a process now."""
        folder = self.root / str(pid)
        folder.mkdir(exist_ok=True)
        comm = name.encode() if isinstance(name, str) else name
        fields = [0] * 50
        for at, number in {6: flags, 9: faults, 11: cpu, 17: threads, 19: start, 21: pages}.items():
            fields[at] = number
        behind = " ".join([state, *map(str, fields[1:])])
        (folder / "stat").write_bytes(b"%d (%s) %s\n" % (pid, comm, behind.encode()))
        (folder / "cgroup").write_text(cgroup)
        (folder / "cmdline").write_bytes(arguments)
        held = "" if swap is None else f"VmSwap:\t{swap:8d} kB\n"
        voluntary, involuntary = switches or (0, 0)
        switched = f"voluntary_ctxt_switches:\t{voluntary}\nnonvoluntary_ctxt_switches:\t{involuntary}\n"
        if switches is None:
            switched = ""
        (folder / "status").write_text(f"Name:\tapp\nFDSize:\t64\nGroups:\t0 \n{held}Threads:\t1\n{switched}Last:\t1\n")
        if files is not None:
            (folder / "fd").mkdir(exist_ok=True)
            for number in range(files):
                (folder / "fd" / str(number)).touch()
        if io is not None:
            read, written = io
            (folder / "io").write_text(
                f"rchar: 9\nwchar: 9\nsyscr: 1\nsyscw: 1\nread_bytes: {read}\nwrite_bytes: {written}\n"
                "cancelled_write_bytes: 0\n"
            )

    def go(self, pid: int) -> None:
        shutil.rmtree(self.root / str(pid))


def seconds(step: float = 1.0) -> Callable[[], float]:
    """Return a monotonic clock that goes on by a step each time it is asked."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += step
        return now

    return clock
