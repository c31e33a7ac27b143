"""The states that data can be in, and what a page says of each: never a zero for what is not known."""

import json
from pathlib import Path

import numpy as np
from drawn_machines import START, built, container, disk, full, interface, machine, memory, run_of, stat
from page_reader import read, together

from appliance.analysis.run import Run
from appliance.formats.reading import read_file
from appliance.measurement import Measurement
from appliance.samples import from_measurements
from static_site.site import build


def test_a_machine_without_samples_has_a_page_that_says_so(tmp_path: Path) -> None:
    pages = built(tmp_path, machine([1.0] * 30), Run("silent", []))

    assert "There are no samples of this machine in the period." in pages["m/silent/index.html"].text
    assert "2 machines: 1 clear, 1 without samples." in pages["index.html"].text
    assert pages["index.html"].row("machines-table", "silent")["CPU max"] == "–"


def test_a_machine_with_one_sample_has_its_instants_and_no_rates(tmp_path: Path) -> None:
    pages = built(tmp_path, full(n=1))

    page = together(pages)

    assert "No interval to compute shares from" in page.text
    for name in ("disk", "network", "process"):
        text = pages[f"m/web-1/{name}.html"].text
        assert "No interval to compute rates from: that takes two samples in a row." in text
    assert "Memory used: one value. used: 400 KiB at 00:00:00 UTC." in page.text
    assert page.row("metrics-table", "Memory used")["n"] == "1"
    assert "Period2026-01-01 00:00:00 UTC Samples1 " in page.text
    assert "Percentiles of a single sample" in page.text
    assert not any("CPU" in row[0] for row in page.tables["metrics-table"])


def test_two_samples_make_one_interval(tmp_path: Path) -> None:
    page = built(tmp_path, full(n=2))["m/web-1/index.html"]

    assert page.row("metrics-table", "CPU busy") == {
        "metric": "CPU busy", "unit": "% of all CPU time", "n": "1", "coverage": "100 %", "mean": "99.0",
        **dict.fromkeys(("p5", "p25", "p50", "p75", "p90", "p95", "p97.5", "p99", "p99.9"), "–"),
        "max": "99.0", "max at": "00:00:10", "time over limit": "10 s over 90 %", "previous p95": "–", "Δ": "–",
        "course": "",
    }  # fmt: skip


def test_percentiles_are_shown_only_where_ten_intervals_lie_beyond(tmp_path: Path) -> None:
    busy = [0.0, *(number % 100 for number in range(200))]

    row = built(tmp_path, machine(busy))["m/web-1/index.html"].row("metrics-table", "CPU busy")

    assert (row["n"], row["p50"], row["p95"], row["p97.5"], row["p99"]) == ("200", "49.5", "94.0", "–", "–")
    assert (row["max"], row["max at"]) == ("99.0", "00:16:40")


def test_what_is_always_zero_is_said_in_words(tmp_path: Path) -> None:
    still = {
        "/proc/diskstats": [disk("sda", 0)] * 30, "/proc/net/dev": [interface("eth0", 7)] * 30,
        "/proc/vmstat": ["pswpin 5\npswpout 6\npgmajfault 7\noom_kill 0\n"] * 30,
    }  # fmt: skip

    page = together(built(tmp_path, machine([0.0] * 30, sources=still)))

    assert "CPU time in use: 0 for the whole period (29 samples)." in page.text
    assert "Pages swapped in and out: 0 for the whole period (29 samples)." in page.text
    assert "No disk was read or written in the period." in page.text
    assert "No interface of the machine received or sent anything in the period." in page.text
    assert "cpu-modes" not in page.ids


def test_traffic_of_a_machine_with_itself_is_not_denied(tmp_path: Path) -> None:
    own = {"/proc/net/dev": [interface("lo", 5000 * number) for number in range(30)]}

    page = together(built(tmp_path, machine([1.0] * 30, sources=own)))

    assert "No interface of the machine besides lo received or sent anything in the period." in page.text
    assert page.row("network-table", "lo")["received"] == "145 kB"


def test_boots_that_were_not_collected_are_not_none(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(
        "timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available\n"
        + "".join(f"{START + 60 * n},web-1,20,5,75,0,1000,1,500\n" for n in range(30))
    )
    containers = [Measurement(START + n, "container/docker/0123", container("0123", n)) for n in range(30)]

    for name, run in (
        ("csv", Run("web-1", read_file(tmp_path / "one.csv").samples)), ("containers", run_of(containers)),
    ):  # fmt: skip
        text = built(tmp_path / name, run)["m/web-1/index.html"].text
        assert "Bootsnot collected" in text
        assert "No gap or reset of a counter in the period. Boots and steps of the clock: not collected." in text
    known = built(tmp_path / "known", machine([1.0] * 30))["m/web-1/index.html"].text
    assert "Boots0" in known
    assert "No boot, gap or reset of a counter in the period. Steps of the clock: not collected." in known


def test_the_time_over_a_limit_is_that_of_the_intervals_that_reach_it(tmp_path: Path) -> None:
    page = built(tmp_path, machine([0.0, *[95.0] * 3, 50.0, *[90.0] * 7, *[89.0] * 20]))["m/web-1/index.html"]

    assert page.row("metrics-table", "CPU busy")["time over limit"] == "1 min 40 s over 90 %, longest 1 min 10 s"
    assert page.row("metrics-table", "CPU iowait")["time over limit"] == "0 s over 40 %"
    assert page.row("metrics-table", "CPU user")["time over limit"] == "–"


def test_a_percentile_is_compared_with_the_period_of_equal_length_before(tmp_path: Path) -> None:
    long_ago, before, now = (
        [100.0] * 300,
        [number % 50 for number in range(300)],
        [number % 100 for number in range(300)],
    )
    whole = machine([*long_ago, *before, *now])
    cut = (START + 10 * 599) * 1000

    def part(early: bool) -> Run:
        return Run("web-1", [table.take((table.at_ms <= cut) == early) for table in whole.tables.values()])

    index = build([part(early=False)], tmp_path / "site", earlier=[part(early=True)])
    page = read(index.parent / "m/web-1/index.html")

    row = page.row("metrics-table", "CPU busy")
    # The first sample of the period has no interval, so the last intervals before count as they are.
    assert row["p95"] == f"{np.percentile(now[1:], 95):.1f}"
    assert row["previous p95"] == f"{np.percentile(before[1:], 95):.1f}"
    assert row["Δ"] == f"+{np.percentile(now[1:], 95) - np.percentile(before[1:], 95):.1f}"
    assert "Previous p95: of the 49 min 50 s before 01:40:00 UTC" in page.text
    alone = built(tmp_path / "alone", part(early=False))["m/web-1/index.html"]
    assert alone.row("metrics-table", "CPU busy")["previous p95"] == "–"
    assert "Previous p95: no earlier period" in alone.text


def test_what_a_recorder_met_is_among_the_events(tmp_path: Path) -> None:
    met = {
        3: {"kind": "clock", "milliseconds": -2500}, 5: {"kind": "suspend", "milliseconds": 90_000},
        7: {"kind": "late", "ticks": 1}, 9: {"kind": "lost", "samples": 1200},
    }  # fmt: skip
    measurements = []
    for number in range(30):
        if number in met:
            measurements.append(Measurement(START + 10 * number, "perfanalysis[event]", json.dumps(met[number])))
        measurements.append(Measurement(START + 10 * number, "/proc/stat", stat([(100 * number, 900 * number)])))

    page = built(tmp_path, run_of(measurements))["m/web-1/index.html"]

    assert [(row[0], row[1], row[2], row[4]) for row in page.tables["events-table"][1:]] == [
        ("Clock set", "00:00:20", "00:00:30", "The clock was set back by 2.5 s."),
        ("Sleep", "00:00:40", "00:00:50", "The machine slept for 1 min 30 s."),
        ("Samples lost", "00:01:00", "00:01:10", "1 sample is missing: the recorder came too late for them."),
        ("Samples lost", "00:01:20", "00:01:30", "1 200 samples are missing: there was no room on the disk."),
    ]
    assert "Clock set: 1, Sleep: 1 and Samples lost: 2." in page.text


def test_a_finding_of_a_single_interval_has_no_length_of_zero(tmp_path: Path) -> None:
    stolen = [
        stat([(100 * number, 900 * number)]).replace("0 0 0 0\n", f"0 {int(number > 5)} 0 0\n", 1)
        for number in range(30)
    ]
    run = run_of(Measurement(START + 10 * number, "/proc/stat", text) for number, text in enumerate(stolen))

    text = built(tmp_path, run)["m/web-1/index.html"].text

    assert "in 1 of 29 intervals" in text
    assert "2026-01-01 00:01:00 UTC one interval" in text.replace("UTCone", "UTC one")


def test_what_was_not_collected_is_never_zero(tmp_path: Path) -> None:
    pages = built(tmp_path, machine([50.0] * 30))

    text = pages["m/web-1/index.html"].text
    for section in ("/proc/meminfo", "/proc/pressure", "/proc/diskstats", "/proc/net/dev"):
        assert f"Not collected: the data has no {section}" in text
    assert "Not collected: the data says nothing of file systems." in text
    row = pages["index.html"].row("machines-table", "web-1")
    assert [row[head] for head in ("memory max", "swap max", "fullest file system", "disk max", "network max")] == [
        "–"
    ] * 5


def test_a_gap_is_hatched_listed_and_has_no_rate(tmp_path: Path) -> None:
    times = [*range(0, 300, 10), *range(900, 1200, 10)]
    run = machine([50.0] * 60, times=times)

    page = built(tmp_path, run)["m/web-1/index.html"]

    assert "cpu-modes-gap" in page.ids
    assert page.row("events-table", "Gap") == {
        "event": "Gap", "last sample before": "00:04:50", "first after": "00:15:00", "length": "10 min 10 s",
        "what": "No samples.",
    }  # fmt: skip
    assert page.row("metrics-table", "CPU busy")["n"] == "58"
    assert "Hatched: no data." in page.text


def test_a_boot_is_marked_and_counted(tmp_path: Path) -> None:
    texts = [stat([(1000 * number, 1000 * number)], 1000) for number in range(1, 20)]
    texts += [stat([(10 * number, 10 * number)], START + 150 + 45) for number in range(1, 20)]
    times = [*range(0, 190, 10), *range(240, 430, 10)]
    run = run_of(Measurement(START + at, "/proc/stat", text) for at, text in zip(times, texts, strict=True))

    page = built(tmp_path, run)["m/web-1/index.html"]

    assert page.row("events-table", "Boot")["first after"] == "00:04:00"
    assert "boot" in page.words
    assert page.row("metrics-table", "CPU busy")["n"] == "36"


def test_a_constant_value_says_so(tmp_path: Path) -> None:
    pages = built(tmp_path, machine([50.0] * 30, sources={"/proc/meminfo": [memory(1000, 500, 100, 60)] * 30}))

    text = together(pages).text
    assert "The value was constant." in text
    assert "Swap: at most 40.0 KiB in use, 40.0 % of 100 KiB" in text


def test_more_than_twelve_cpus_are_a_table_with_the_busiest_first(tmp_path: Path) -> None:
    texts = [stat([(number * 10 * (cpu + 1), number * 10 * (60 - cpu)) for cpu in range(40)]) for number in range(120)]
    run = run_of(Measurement(START + 10 * number, "/proc/stat", text) for number, text in enumerate(texts))

    page = together(built(tmp_path, run))

    rows = page.tables["cpu-each"]
    assert [row[0] for row in rows[1:4]] == ["CPU 39", "CPU 38", "CPU 37"]
    assert len(rows) == 41
    assert rows[1][1:5] == ["65.6 %", "65.6 %", "66", "66"]


def test_one_cpu_out_of_two_that_is_full_is_named(tmp_path: Path) -> None:
    texts = [stat([(1000 * number, 0), (0, 1000 * number)]) for number in range(60)]
    run = run_of(Measurement(START + 10 * number, "/proc/stat", text) for number, text in enumerate(texts))

    page = together(built(tmp_path, run))

    assert "The busiest CPU of each interval was 100 % busy, the average of both was 50.0 %" in page.text
    assert page.row("cpu-each-table", "CPU 0")["mean"] == "100 %"
    assert page.row("cpu-each-table", "CPU 1")["mean"] == "0 %"


def test_a_csv_has_pages_of_what_it_holds_and_says_what_it_does_not(tmp_path: Path) -> None:
    head = "timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available"
    head += (
        ",disk_sda_reads,disk_sda_writes,disk_sda_read_bytes,disk_sda_write_bytes,net_eth0_rx_bytes,net_eth0_tx_bytes"
    )
    rows = [
        f"{START + 60 * n},web-1,{20 + n},5,{75 - n},0,1000,1,500,{n},{n},{6_000_000 * n},0,{750_000 * n},0"
        for n in range(30)
    ]
    (tmp_path / "one.csv").write_text("\n".join([head, *rows, ""]))
    parsed = read_file(tmp_path / "one.csv")

    page = together(built(tmp_path, Run("web-1", parsed.samples)))

    assert "30 at 1-minute intervals" in page.text
    assert page.row("metrics-table", "CPU user") == {**page.row("metrics-table", "CPU user"), "n": "30", "max": "49.0"}
    assert "CPU: user reached 49.0 % and system 5.00 %" in page.text
    assert "Not collected: steal and interrupts." in page.text
    assert page.row("disks-table", "sda")["most read"] == "100 kB/s"
    assert page.row("disks-table", "sda")["wait"] == "–"
    assert page.row("metrics-table", "eth0 received")["mean"] == "100 kbit/s"
    assert page.row("network-table", "eth0")["errors"] == "– / –"
    assert "Swap: not collected." in page.text


def test_a_recording_cut_short_of_sources_still_has_a_page(tmp_path: Path) -> None:
    only_disks = [Measurement(START + 10 * n, "/proc/diskstats", disk("sda", 80 * n)) for n in range(30)]

    pages = built(tmp_path, run_of(only_disks))

    text = together(pages).text
    assert "Not collected: the data has neither /proc/stat nor shares of CPU time." in text
    assert "sda moved the most" in text
    assert pages["index.html"].row("machines-table", "web-1")["CPU max"] == "–"


def test_shares_of_a_csv_that_only_repeat_the_counters_are_not_explained_twice(tmp_path: Path) -> None:
    head = "timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available"
    counters = [
        Measurement(START + 10 * n, "/proc/stat", stat([(200 * n, 800 * n)])) for n in range(30)
    ]  # fmt: skip

    def explained(times: range) -> bool:
        rows = [f"{START + at},web-1,20,0,80,0,1000,1,500" for at in times]
        (tmp_path / "one.csv").write_text("\n".join([head, *rows, ""]))
        samples = [*read_file(tmp_path / "one.csv").samples, *from_measurements(counters, "m").samples]
        page = together(built(tmp_path, Run("web-1", samples)))
        assert page.row("metrics-table", "CPU user")["max"] == "20.0"
        return any(row[0] == "CPU modes from a CSV" for row in page.tables["method-table"])

    assert not explained(range(10, 300, 10))
    assert explained(range(10, 600, 10))
