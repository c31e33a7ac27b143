"""
The tree of sar-style files (contracts, section 2), in: a folder is one machine, whose name the files do not say.

Percentages and rates stay what they are; nothing is computed from them. `%ifutil` is left out: the original never
filled it, and what was not measured is not 0.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance import metrics
from appliance.errors import BadData, InvalidCsv, PerfanalysisError
from appliance.formats import cells, ready_made
from appliance.formats.ready_made import KIBIBYTE, Cell, Found, kibibytes, rate
from appliance.formats.recording import open_bytes, sound_gzip
from appliance.machine import check_machine_id
from appliance.measurement import refuse_constant
from appliance.metrics import SECTOR_BYTES
from appliance.samples import Column, Parsed

TIMESTAMP = "#timestamp"
FACTS_FILE = "system_info.json"
MAX_FACTS_BYTES = 1 << 20
ALL = "-1"
"""What stands for all CPUs."""
CPU_COLUMNS = {
    "%usr": "user", "%nice": "nice", "%system": "system", "%iowait": "iowait", "%steal": "steal", "%idle": "idle",
}  # fmt: skip
ALMOST = 1e-12

Holds = Callable[[str], Cell | None]


@dataclass(frozen=True, slots=True)
class SarFile:
    key: str
    """The column of devices; empty if there is none."""
    columns: Mapping[str, Holds]
    ignored: frozenset[str] = frozenset()


def cpu(mode: str) -> Holds:
    of_all = Cell(metrics.CPU_SHARES[mode], cells.share)
    of_one = Cell(metrics.CPU_SHARES_BY_CPU[mode], cells.share)
    return lambda device: of_all if device == ALL else of_one


def always(metric: metrics.Metric, read: ready_made.Read) -> Holds:
    what = Cell(metric, read)
    return lambda _: what


def percent(text: str) -> float:
    cells.check_number(text)
    number = float(text)
    # What is promised may be far more than there is.
    if not 0 <= number <= 1e9:
        raise ValueError("is not a percentage")
    return number


FILES: Mapping[str, SarFile] = {
    "proc/stat": SarFile("CPU", {name: cpu(mode) for name, mode in CPU_COLUMNS.items()}),
    "proc/meminfo": SarFile(
        "",
        {
            "kbmemfree": always(metrics.MEMORY_FREE, kibibytes),
            "kbavail": always(metrics.MEMORY_AVAILABLE, kibibytes),
            "kbmemused": always(metrics.MEMORY_USED, kibibytes),
            "%memused": always(metrics.MEMORY_USED_SHARE, percent),
            "kbbuffers": always(metrics.MEMORY_BUFFERS, kibibytes),
            "kbcached": always(metrics.MEMORY_CACHED, kibibytes),
            "kbcommit": always(metrics.MEMORY_COMMITTED, kibibytes),
            "%commit": always(metrics.MEMORY_COMMITTED_SHARE, percent),
            "kbactive": always(metrics.MEMORY_ACTIVE, kibibytes),
            "kbinact": always(metrics.MEMORY_INACTIVE, kibibytes),
            "kbdirty": always(metrics.MEMORY_DIRTY, kibibytes),
        },
    ),
    "proc/diskstats": SarFile(
        "DEV",
        {
            "tps": always(metrics.DISK_RATE_REQUESTS, rate()),
            "rtps": always(metrics.DISK_RATE_READS, rate()),
            "wtps": always(metrics.DISK_RATE_WRITES, rate()),
            "dtps": always(metrics.DISK_RATE_DISCARDS, rate()),
            "bread/s": always(metrics.DISK_RATE_READ_BYTES, rate(SECTOR_BYTES)),
            "bwrtn/s": always(metrics.DISK_RATE_WRITTEN_BYTES, rate(SECTOR_BYTES)),
            "bdscd/s": always(metrics.DISK_RATE_DISCARDED_BYTES, rate(SECTOR_BYTES)),
        },
    ),
    "proc/net/dev": SarFile(
        "IFACE",
        {
            "rxpck/s": always(metrics.NETWORK_RATE_RECEIVED_PACKETS, rate()),
            "txpck/s": always(metrics.NETWORK_RATE_SENT_PACKETS, rate()),
            "rxkB/s": always(metrics.NETWORK_RATE_RECEIVED_BYTES, rate(KIBIBYTE)),
            "txkB/s": always(metrics.NETWORK_RATE_SENT_BYTES, rate(KIBIBYTE)),
            "rxcmp/s": always(metrics.NETWORK_RATE_RECEIVED_COMPRESSED, rate()),
            "txcmp/s": always(metrics.NETWORK_RATE_SENT_COMPRESSED, rate()),
            "rxmcst/s": always(metrics.NETWORK_RATE_RECEIVED_MULTICAST, rate()),
        },
        frozenset({"%ifutil"}),
    ),
    "statfs_ALL": SarFile(
        "mount",
        {
            "blocksize": always(metrics.FILESYSTEM_BLOCK, cells.whole),
            "blockstotal": always(metrics.FILESYSTEM_SIZE, cells.whole),
            "blocksavail": always(metrics.FILESYSTEM_AVAILABLE, cells.whole),
            "use": always(metrics.FILESYSTEM_USED_SHARE, cells.whole),
        },
    ),
}


def is_tree(folder: Path) -> bool:
    """Say whether a folder holds a sar-style file where the tree has it; the kernel's own /proc is none."""
    return any(begins_like_one(folder / name) for name in FILES)


def begins_like_one(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return path.is_file() and stream.read(len(TIMESTAMP)) == TIMESTAMP.encode()
    except OSError:
        return False


def parts(folder: Path) -> list[Path]:
    """Return the files of a tree, in the order of their names."""
    names = [*sorted(name for name in FILES if begins_like_one(folder / name)), FACTS_FILE]
    return [path for name in names if (path := folder / name).is_file()]


def read(folder: Path, machine: str) -> Parsed:
    """Read a tree. Raises InvalidCsv, NoInput, Conflict or BadData, whose sentences name the file."""
    check_machine_id(machine)
    found, parsed = Found(), Parsed()
    for path in parts(folder):
        try:
            if path.name == FACTS_FILE:
                parsed.facts["cpuinfo"] = facts(path)
            else:
                read_file(path, FILES[str(path.relative_to(folder))], found, parsed.warnings)
        except PerfanalysisError as error:
            raise type(error)(f"{path}: {error.message}", error_code=error.error_code, details=error.details) from error
    add_total(found)
    parsed.samples = found.samples(machine, ready_made.TREE_RUN)
    parsed.warnings += found.warnings
    return parsed


def read_file(path: Path, kind: SarFile, found: Found, warnings: list[str]) -> None:
    with open_bytes(path) as stream, sound_gzip():
        table = ready_made.rows(stream, ",")
        line, names = next(table, (0, []))
        missing = [name for name in (TIMESTAMP, kind.key) if name and name not in names]
        if missing:
            raise InvalidCsv(f"Missing required column: {missing[0]}", details={"line": line, "found_columns": names})
        ready_made.read(table, names, TIMESTAMP, kind.key, kind.columns, found)
    unknown = set(names) - kind.columns.keys() - kind.ignored - {TIMESTAMP, kind.key}
    if unknown:
        warnings.append(f"{path}: columns that are not known were left out: {', '.join(sorted(map(repr, unknown)))}.")


def add_total(found: Found) -> None:
    """
    Add MemTotal, which no column has: the one whole number of kB of which what is used is the share that is written.

    The share has all its digits, so that one kB more or less is another share; where it is rounded, nothing is added.
    """
    used = found.columns.get(Column(metrics.MEMORY_USED, ""))
    share = found.columns.get(Column(metrics.MEMORY_USED_SHARE, ""))
    if used is None or share is None or used[0] != share[0]:
        return
    for at_ms, number, percentage, line in zip(used[0], used[1], share[1], used[2], strict=True):
        total = round(number * 100 / percentage / KIBIBYTE) if percentage > 0 else 0
        if total and abs(number * 100 / KIBIBYTE / total - percentage) <= ALMOST * percentage:
            found.add(Column(metrics.MEMORY_TOTAL, ""), at_ms, total * KIBIBYTE, line)


def facts(path: Path) -> dict[str, object]:
    with path.open("rb") as stream:
        try:
            found = json.loads(stream.read(MAX_FACTS_BYTES), parse_constant=refuse_constant)
        except (ValueError, RecursionError) as error:
            raise BadData("it is not JSON.") from error
    if not isinstance(found, dict):
        raise BadData("it is no JSON object.")
    return found
