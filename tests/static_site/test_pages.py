"""The pages beside a machine's first one, and what the fleet's tables are computed from."""

import csv
import hashlib
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from drawn_machines import START, built, full, machine, run_of, stat
from page_reader import read

from appliance.analysis.findings import RULES
from appliance.analysis.run import Run
from appliance.measurement import Measurement
from appliance.metrics import METRICS
from appliance.process_metrics import PROCESSES
from static_site.chapters import RESOURCES
from static_site.drawing import render
from static_site.environment import templates
from static_site.pages import fleet
from static_site.report import Report
from static_site.settings import DEFAULTS
from static_site.site import build
from static_site.summary import SUMMARY, Day
from static_site.summary import read as read_summary


def test_the_fleet_page_of_200_machines_and_a_month_takes_600_kb(tmp_path: Path) -> None:
    site = build([machine([5.0] * 200 + [99.0] * 60, "web-1"), full("web-2")], tmp_path / "site").parent
    every = [read_summary((site / f"m/{name}/{SUMMARY}").read_bytes()) for name in ("web-1", "web-2")]
    days = [
        Day(f"2026-01-{day:02d}", "high" if day % 5 == 0 else "", ["cpu-saturated"] if day % 5 == 0 else [])
        for day in range(1, 32)
    ]
    machines = [
        replace(every[number % 2], slug=f"machine-{number}", shown=f"shop-{number}.example", days=days)
        for number in range(200)
    ]

    (page,) = fleet.pages(Report(machines, [], START * 1000, "1", "0" * 64))
    content = render(templates(), page, DEFAULTS, "1")

    assert content.count(b'href="m/machine-199/index.html"') >= 2
    assert len(content) <= 600_000


def test_a_machine_that_stands_out_is_named_with_how_far(tmp_path: Path) -> None:
    calm = [machine([20.0 + number % 3 + one * 0.5 for number in range(210)], f"web-{one}") for one in range(6)]

    page = built(tmp_path, *calm, machine([85.0] * 210, "hot"))["index.html"]

    row = page.row("outliers-table", "hot")
    assert (row["metric"], row["p95"], row["median of all"]) == ("CPU busy", "85.0 %", "23.5 %")
    assert "hot stands out the most: CPU busy 85.0 %" in page.text
    assert len(page.tables["outliers-table"]) == 2


def test_fewer_than_five_machines_have_no_middle(tmp_path: Path) -> None:
    page = built(tmp_path, machine([1.0] * 210, "a"), machine([85.0] * 210, "b"))["index.html"]

    assert "Not possible: that takes 5 machines." in page.text


def part(whole: Run, early: bool) -> Run:
    """Return the first 300 samples of a machine, or the later ones."""
    cut = (START + 10 * 299) * 1000
    return Run("web-1", [table.take((table.at_ms <= cut) == early) for table in whole.tables.values()])


def test_the_largest_change_against_the_period_before_is_named(tmp_path: Path) -> None:
    whole = machine([10.0] * 300 + [60.0] * 300)
    before, now = (part(whole, early) for early in (True, False))
    index = build([now, machine([1.0] * 30, "b")], tmp_path / "site", earlier=[before])

    row = read(index).row("changes-table", "web-1")
    assert (row["metric"], row["p95 before"], row["p95 now"], row["change"]) == (
        "CPU busy",
        "10.0 %",
        "60.0 %",
        "+50.0 %",
    )


def test_a_disk_that_became_slower_is_among_the_largest_changes(tmp_path: Path) -> None:
    counts = [(1000 * number, 1000 * number * (1 if number < 300 else 50)) for number in range(600)]
    sources = {"/proc/diskstats": [f"   8       0 sda 1 0 8 1 {n} 0 {n} {waited} 0 6 7\n" for n, waited in counts]}
    whole = machine([10.0] * 600, sources=sources)
    before, now = (part(whole, early) for early in (True, False))

    index = build([now, machine([1.0] * 30, "b")], tmp_path / "site", earlier=[before])

    row = read(index).row("changes-table", "web-1")
    assert (row["metric"], row["p95 before"], row["p95 now"]) == ("wait", "1.00 ms", "50.0 ms")


def test_top_consumers_others_and_what_is_not_attributed_sum_to_the_whole_machine(tmp_path: Path) -> None:
    programs = [{"pid": 10 + n, "start": 1, "name": f"p{n:02d}", "user": "a", "used": [20 + n]} for n in range(14)]
    interval = "".join(json.dumps(one) + "\n" for one in programs)

    run = machine([50.0] * 30, sources={PROCESSES: ["", *[interval] * 29]})
    page = built(tmp_path, run)["m/web-1/process.html"]

    rows = page.tables["process-table"][1:]
    assert [row[0] for row in rows] == [f"p{n:02d} (a)" for n in range(13, 1, -1)] + [
        "2 others", "not attributed", "in all",
    ]  # fmt: skip
    # The machine was busy for 29 intervals of 5 s; programs used 0.2 to 0.33 s of each.
    assert [page.row("process-table", name)["CPU time"] for name in ("2 others", "not attributed", "in all")] == [
        "11.9 s", "37.4 s", "145 s",
    ]  # fmt: skip
    assert sum(float(row[1].removesuffix(" s")) for row in rows[:-1]) == pytest.approx(145, abs=0.1)
    assert "p13 (a) used the most CPU time: 9.57 s, 6.60 % of all CPU time used." in page.text


def test_a_machine_that_stopped_before_the_others_is_in_the_data_quality(tmp_path: Path) -> None:
    page = built(tmp_path, machine([1.0] * 30, "stopped"), machine([1.0] * 300, "on"), Run("silent", []))["index.html"]

    assert [row[0] for row in page.tables["quality-table"][1:]] == ["silent", "stopped"]
    assert page.row("quality-table", "stopped")["last sample"] == "2026-01-01 00:04:50"


def test_each_day_has_the_worst_that_was_found_on_it(tmp_path: Path) -> None:
    times = [*range(0, 86_400, 600), *range(2 * 86_400, 3 * 86_400, 600)]
    busy = [5.0] * 144 + [5.0] * 60 + [99.0] * 30 + [5.0] * 54

    page = built(tmp_path, machine(busy, times=times), machine([1.0] * 30, "b"))["index.html"]

    row = page.row("days-table", "web-1")
    # The day without samples began on the first.
    assert (row["01-01"], row["01-03"]) == ("◆", "▲")
    assert "01-02" not in row
    assert page.row("days-table", "b")["01-03"] == "–"


def test_every_resource_has_its_three_cells_and_says_why_one_is_missing(tmp_path: Path) -> None:
    pages = built(tmp_path, full("web-1"), machine([50.0] * 30, "bare"))

    for name in ("web-1", "bare"):
        heads, *rows = pages[f"m/{name}/index.html"].tables["use-table"]
        assert heads[1:4] == ["utilisation", "saturation", "errors"]
        assert len(rows) == 5
        assert all(cell.strip() for row in rows for cell in row[:4])
    bare = pages["m/bare/index.html"]
    assert bare.row("use-table", "Memory")["utilisation"] == "not collected: no /proc/meminfo"
    assert bare.row("use-table", "Network")["errors"] == "not collected: no /proc/net/dev"


def test_a_job_of_every_night_is_named_by_its_hour(tmp_path: Path) -> None:
    at = range(0, 3 * 86_400, 300)
    busy = [90.0 if 2 <= second // 3600 % 24 < 3 else 5.0 for second in at]

    page = built(tmp_path, machine(busy, times=list(at)))["m/web-1/cpu.html"]

    assert re.search(r"CPU was highest on 2026-01-0\d from 02:00 UTC: 90 %", page.text)
    assert page.row("when-table", "2026-01-02")["02"] == "90"
    assert page.row("when-table", "2026-01-02")["03"] == "5"


def test_from_two_weeks_on_it_is_named_by_its_day_of_the_week(tmp_path: Path) -> None:
    at = range(0, 15 * 86_400, 900)
    # The first day of 2026 was a Thursday: the fifth is a Monday.
    # A value is of the interval that ends at its time.
    busy = [90.0 if second // 86_400 % 7 == 4 and (second - 1) // 3600 % 24 == 2 else 5.0 for second in at]

    page = built(tmp_path, machine(busy, times=list(at)))["m/web-1/cpu.html"]

    assert "CPU was highest Monday from 02:00 UTC: 90 %" in page.text
    assert page.row("when-table", "Monday")["02"] == "90"


def test_a_chart_and_its_file_hold_the_same_and_the_data_page_has_its_digest(tmp_path: Path) -> None:
    pages = built(tmp_path, machine([float(number) for number in range(60)]))
    path = tmp_path / "site/data/web-1/cpu-modes.csv"

    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    shown = pages["data.html"].row("files-web-1", "cpu-modes")
    assert [float(row["user_percent"]) for row in rows[1:]] == pytest.approx(list(range(1, 60)), abs=0.051)
    assert rows[0]["user_percent"] == ""
    assert (rows[1]["time"], rows[1]["epoch_seconds"]) == ("2026-01-01T00:00:10+00:00", str(START + 10))
    assert shown["SHA-256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (shown["rows"], shown["columns"]) == ("60", str(len(rows[0])))
    assert "../../data/web-1/cpu-modes.csv" in pages["m/web-1/cpu.html"].links


def test_a_spike_of_one_sample_in_a_long_period_is_in_the_file_and_in_the_table(tmp_path: Path) -> None:
    busy = [5.0] * 5000
    busy[3210] = 100.0

    page = built(tmp_path, machine(busy))["m/web-1/cpu.html"]

    rows = csv.DictReader(io.StringIO((tmp_path / "site/data/web-1/cpu-modes.csv").read_text()))
    assert max(float(row["user_percent_max"] or 0) for row in rows) == pytest.approx(100)
    assert "100 %" in {row[2] for row in page.tables["cpu-modes-values"][1:]}


def test_every_page_of_a_machine_is_there_whatever_was_collected(tmp_path: Path) -> None:
    only = run_of([Measurement(START + 10 * n, "/proc/stat", stat([(100 * n, 900 * n)])) for n in range(30)])

    pages = built(tmp_path, only, Run("silent", []))

    for resource in RESOURCES:
        assert pages[f"m/web-1/{resource.slug}.html"].text
        assert "There are no samples of this machine in the period." in pages[f"m/silent/{resource.slug}.html"].text
    assert "Not collected: the data names neither processes nor containers." in pages["m/web-1/process.html"].text
    assert "Not collected: the data has no /proc/pressure." in pages["m/web-1/pressure.html"].text


def test_the_method_page_has_every_rule_and_every_metric(tmp_path: Path) -> None:
    page = built(tmp_path, machine([1.0] * 30))["method.html"]

    assert {row[0] for row in page.tables["rules-table"][1:]} == {rule.id for rule in RULES}
    assert page.row("rules-table", "cpu-saturated")["limits"].startswith("enter: 90")
    listed = {row[0] for name, rows in page.tables.items() if name.startswith("catalogue-") for row in rows[1:]}
    assert listed == METRICS.keys()


def test_a_chosen_disk_stands_for_the_machine(tmp_path: Path) -> None:
    from drawn_machines import disk

    from static_site.settings import MachineSettings

    both = [disk("sda", 1000 * n) + disk("sdb", 10 * n) for n in range(30)]
    run = machine([1.0] * 30, sources={"/proc/diskstats": both})

    def disks(wanted: str) -> list[str]:
        chosen = replace(DEFAULTS, all_machines=MachineSettings(primary_disk=wanted))
        page = read(build([run], tmp_path / "site", settings=chosen).parent / "m/web-1/index.html")
        return [row[0].split()[1] for row in page.tables["use-table"][1:] if row[0].startswith("Disk ")]

    assert disks("auto") == ["sda", "sdb"]
    assert disks("busiest") == ["sda"]
    assert disks("sdb") == ["sdb"]
