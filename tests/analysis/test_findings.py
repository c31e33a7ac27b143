"""What the findings say of the real recordings, and of made ones at their edges."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from appliance.analysis import findings
from appliance.analysis.findings.episodes import episodes
from appliance.analysis.findings.finding import SEVERITIES, Finding
from appliance.analysis.run import Run
from appliance.analysis.wording import duration, three_digits
from appliance.formats import recording
from appliance.measurement import Measurement
from appliance.samples import from_measurements

START = 1_767_225_600


def found(recordings: Path, name: str) -> list[Finding]:
    parts = [recording.read(path) for path in sorted((recordings / name).glob("*.json")) if "names" not in path.name]
    facts = {key: value for part in parts for key, value in part.facts.items()}
    return findings.check(Run(name, [samples for part in parts for samples in part.samples], facts))


def said(recordings: Path, name: str) -> dict[str, str]:
    return {finding.rule: finding.sentence for finding in found(recordings, name)}


def test_cpu_then_io_are_two_phases(recordings: Path) -> None:
    by_rule = {finding.rule: finding for finding in found(recordings, "azure_b1s_cpu_then_io")}
    cpu, wait = by_rule["cpu-saturated"], by_rule["io-wait"]

    assert set(by_rule) == {"cpu-saturated", "io-wait", "disk-saturated", "throughput-cap"}
    assert cpu.sentence == "The CPU was 100 % busy, 99 % of its time in programs."
    assert wait.sentence.startswith("The CPU waited for disks 93 % of its time")
    assert wait.evidence.peak == pytest.approx(95.1, abs=0.1)
    assert "while sda moved 51.3 MB/s on average and 56.2 MB/s at most" in wait.sentence
    assert cpu.end_ms <= wait.start_ms


def test_the_limit_of_a_cloud_disk_is_found_with_its_value(recordings: Path) -> None:
    cap = said(recordings, "azure_b1s_cpu_then_io")["throughput-cap"]

    assert cap.startswith("The disk stood at 56 MB/s, from 55.8 to 56.2 in nine of ten intervals")


def test_one_saturated_core_is_found_while_the_average_is_half(recordings: Path) -> None:
    sentence = said(recordings, "azure_f2s_suse_onecore")["core-saturated"]

    assert sentence.startswith("One core was saturated, likely by one thread that moved")
    assert "the average of both was 51 %" in sentence


def test_swap_in_use_and_steal_are_told(recordings: Path) -> None:
    sentences = said(recordings, "oci_e5_vm01_dm_swap")

    assert "93.6 MiB of swap were in use" in sentences["swap-used"]
    assert "in 8 of 131 intervals, 0.1 % at most" in sentences["steal"]


def test_each_held_back_container_is_named_with_its_half_core(recordings: Path) -> None:
    throttled = [finding for finding in found(recordings, "oci_e5_cpu_containers") if finding.resource == "container"]

    assert len({finding.subject for finding in throttled}) == 3
    assert all("by its quota of 0.5 CPUs" in finding.sentence for finding in throttled)


@pytest.mark.parametrize("name", ["azure_d4s_idle_cpuinfo", "azure_d4s_idle_short"])
def test_nothing_is_found_on_idle_machines(recordings: Path, name: str) -> None:
    assert found(recordings, name) == []


def test_the_worst_comes_first(recordings: Path) -> None:
    ranks = [SEVERITIES.index(finding.severity) for finding in found(recordings, "oci_e5_cpu_containers")]

    assert ranks == sorted(ranks)
    assert len(ranks) > 2


def test_gaps_are_told_as_the_pages_tell_times() -> None:
    at = [*range(0, 300, 10), *range(78_420, 78_720, 10)]
    ticks = [Measurement(START + second, "/proc/stat", f"cpu  {second} 0 0 {second} 0 0 0 0 0 0\n") for second in at]

    (gap,) = findings.check(Run("m", from_measurements(ticks, "m").samples))

    assert gap.sentence == "One gap without samples, 21 h 42 min in all: nothing is known of that time."


@pytest.mark.parametrize(("seconds", "text"), [(10_730, "2 h 58 min"), (0.5, "0.5 s"), (60, "1 min"), (0, "0 s")])
def test_durations_have_their_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_no_samples_no_findings() -> None:
    assert findings.check(Run("m", [])) == []


def series(values: list[float], step: int = 15) -> tuple[pd.Series, pd.Series]:
    index = pd.Index(np.arange(len(values)) * step * 1000, name="at_ms")
    return pd.Series(values, index=index), pd.Series(float(step), index=index)


@pytest.mark.parametrize(
    ("values", "spans"),
    [
        ([0, 95, 95, 95, 95, 95, 0], [(0, 75_000)]),
        # Four samples are a minute here, and still too few to say anything.
        ([0, 95, 95, 95, 95, 0], []),
        # Between the limits an episode goes on, but does not begin.
        ([0, 95, 85, 85, 85, 95, 0], [(0, 75_000)]),
        ([0, 85, 85, 85, 85, 85, 0], []),
        # Nothing is known of a gap: it ends an episode.
        ([95, 95, 95, np.nan, 95, 95, 95], []),
        ([95] * 6, [(-15_000, 75_000)]),
    ],
)
def test_episodes_begin_above_one_limit_and_end_below_another(
    values: list[float], spans: list[tuple[int, int]]
) -> None:
    assert [(episode.start_ms, episode.end_ms) for episode in episodes(*series(values), 90, 80)] == spans


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.1264, "0.126"),
        (51.26, "51.3"),
        (1020.4, "1 020"),
        (999.7, "1 000"),
        (99.7, "99.7"),
        (0, "0"),
        (0.00002, "0.000"),
    ],
)
def test_numbers_in_sentences_have_no_exponent(number: float, text: str) -> None:
    assert three_digits(number) == text
