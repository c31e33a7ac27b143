"""Devices, CPUs and interfaces come and go while it records: what is there is recorded, the rest goes on."""

import json
from collections.abc import Callable
from pathlib import Path

from appliance.analysis.run import Run
from appliance.collect import loop
from appliance.collect.loop import Plan
from appliance.collect.readings import Readings
from appliance.collect.sources import Source
from appliance.collect.troubles import Troubles
from appliance.formats import recording
from appliance.metrics import CPU_USER, DISK_READS, RECEIVED_BYTES, TASKS
from appliance.samples import Parsed
from appliance.store import batches, history
from appliance.store.batches import Batch
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore


def cpus(*numbers: int) -> str:
    lines = [f"cpu{number} {100 + number} 0 50 800 5 0 1 0 0 0\n" for number in numbers]
    return "cpu  100 0 50 800 5 0 1 0 0 0\n" + "".join(lines) + "btime 1767970000\n"


def interfaces(*names: str) -> str:
    return "head|\n face |bytes\n" + "".join(f"  {name}: 1000 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n" for name in names)


def disks(*names: str) -> str:
    return "".join(f"   8 0 {name} 10 0 80 5 20 0 160 9 0 12 14\n" for name in names)


def recorded(proc: Path, path: Path, changes: list[Callable[[], object]]) -> Parsed:
    """Record a sample before and after each change to a machine's /proc."""
    # It stands still here, and says that no time went by.
    (proc / "uptime").unlink(missing_ok=True)
    now, left = 1000.0, iter(changes)

    def wait(seconds: float) -> bool:
        nonlocal now
        now += max(0, seconds)
        return False

    with path.open("wb") as file:

        def sink(_: int, lines: bytes) -> None:
            file.write(lines)
            next(left, lambda: None)()

        loop.record(Plan(1, len(changes), "web-1", root=str(proc)), [sink], wait, lambda: now)
    return recording.read(path)


def test_what_comes_and_goes_is_there_while_it_is(proc: Path, tmp_path: Path) -> None:
    def plug() -> None:
        (proc / "stat").write_text(cpus(0, 2, 3))
        (proc / "net" / "dev").write_text(interfaces("eth0", "veth1"))
        (proc / "diskstats").write_text(disks("sda", "sdb"))

    def unplug() -> None:
        (proc / "stat").write_text(cpus(0))
        (proc / "net" / "dev").write_text(interfaces("veth1"))
        (proc / "diskstats").write_text(disks("sdb"))

    parsed = recorded(proc, tmp_path / "r.json", [plug, lambda: None, unplug, lambda: None])

    run = Run("web-1", parsed.samples, parsed.facts)
    there = run.values(CPU_USER).notna()
    assert [there[name].tolist() for name in ("0", "2", "3")] == [
        [True] * 5, [False, True, True, False, False], [False, True, True, False, False],
    ]  # fmt: skip
    there = run.values(RECEIVED_BYTES).notna()
    assert there["eth0"].tolist() == [True, True, True, False, False]
    assert there["veth1"].tolist() == [False, True, True, True, True]
    rates = run.rates(DISK_READS)
    assert rates["sdb"].notna().tolist() == [False, False, True, True, True]
    assert rates["sda"].notna().tolist() == [False, True, True, False, False]


def test_a_source_that_breaks_in_any_way_costs_itself_only(proc: Path, tmp_path: Path) -> None:
    def broken() -> str:
        raise RuntimeError("who would have thought")

    troubles, spent = Troubles(), dict[str, int]()
    sources = [Source("a", lambda: "1"), Source("b", broken), Source("c", lambda: "3")]

    readings = Readings(sources, troubles, spent)
    readings.begin('{"timestamp":1,"subsystem":')
    whole = readings.read()

    assert whole
    assert [json.loads(line)["subsystem"] for line in readings.lines] == ["a", "c"]
    assert (troubles.failing, troubles.counts, set(spent)) == (
        {"b": "who would have thought"},
        {"b": 1},
        {"a", "b", "c"},
    )


def test_what_was_never_there_is_looked_for_now_and_then(proc: Path) -> None:
    now, asked = [0.0], []

    def absent() -> str:
        asked.append(now[0])
        return (proc / "schedstat").read_text()

    troubles = Troubles(lambda: now[0])
    readings = Readings([Source("/proc/schedstat", absent)], troubles, {})
    for now[0] in (0.0, 1.0, 59.0, 61.0):
        readings.begin("")
        readings.read()
    (proc / "schedstat").write_text("cpu0 0 0 0 0 0 0 1 2 3\n")
    for now[0] in (100.0, 122.0, 123.0):
        readings.begin("")
        readings.read()

    assert asked == [0.0, 61.0, 122.0, 123.0]
    assert (troubles.counts, troubles.failing) == ({}, {})


def test_a_machine_that_has_thousands_of_everything_has_a_sample_of_some_size(proc: Path, tmp_path: Path) -> None:
    (proc / "stat").write_text(cpus(*range(1024)))
    (proc / "net" / "dev").write_text(interfaces(*(f"veth{number}" for number in range(10_000))))
    (proc / "diskstats").write_text(disks(*(f"sd{number}" for number in range(4_000))))
    processor = "model name\t: Test CPU\nphysical id\t: 0\nflags\t\t: " + "sse " * 200
    (proc / "cpuinfo").write_text("".join(f"processor\t: {number}\n{processor}\n\n" for number in range(1024)))

    parsed = recorded(proc, tmp_path / "r.json", [lambda: None])
    after = recorded(proc, tmp_path / "r.json", [lambda: (proc / "net" / "dev").write_text(interfaces("veth0"))])

    assert (tmp_path / "r.json").stat().st_size < 2 * 1_000_000
    run = Run("web-1", parsed.samples, parsed.facts)
    assert len(run.values(CPU_USER).columns) == 1025
    assert parsed.facts["cpuinfo"]["total_cpus"] == 1024
    known, left_out = len(run.values(RECEIVED_BYTES).columns), parsed.facts["sources"]["cut"]["/proc/net/dev"]
    assert (known + left_out, known > 1000) == (10_000, True)
    assert "cut" not in after.facts["sources"]


def test_the_store_keeps_all_that_is_recorded(proc: Path, tmp_path: Path) -> None:
    parsed = recorded(proc, tmp_path / "r.json", [lambda: None] * 3)
    registry = Registry(tmp_path / "data")
    registry.create_tenant("default")
    store = TenantStore(tmp_path / "data", "default")

    batches.add_batch(store, Batch(b"1" * 32, "recording", parsed.samples, parsed.facts))

    kept = history.read(store, "web-1")
    assert {part.group: set(part.columns) for part in kept} == {
        part.group: set(part.columns) for part in parsed.samples
    }
    assert history.facts(store, "web-1")["sources"] == parsed.facts["sources"]
    assert Run("web-1", kept).values(TASKS).iloc[0, 0] == 79
    store.close()
    registry.close()
