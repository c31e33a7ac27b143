"""The text of the biggest processes: programs where they run, summed."""

import json

import pytest

from appliance import process_metrics as catalogue
from appliance.analysis.run import Run
from appliance.measurement import Measurement
from appliance.procfs import processes
from appliance.samples import from_measurements

COUNTS = {"processes": 90, "not_looked_at": 3, "threads": 120, "states": {"S": 80, "D": 2, "t": 1, "T": 1, "I": 6}}


def text(*rows: dict[str, object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in (COUNTS, *rows))


def values(*rows: dict[str, object]) -> dict[tuple[str, str], int]:
    return {(value.metric.name, value.instance): value.number for value in processes.parse(text(*rows))}


def process(**changes: object) -> dict[str, object]:
    return {"pid": 7, "start": 5, "name": "app", "user": "alice", "is": ["S", 2, 10], **changes}


def test_counts_are_of_the_machine_and_a_state_without_anybody_is_zero() -> None:
    found = values()

    assert found["processes", ""] == 90
    assert found["processes_not_looked_at", ""] == 3
    assert found["processes_stopped", ""] == 2
    assert found["processes_zombie", ""] == 0
    assert ("processes_max", "") not in found


@pytest.mark.parametrize(
    ("changes", "instance"),
    [
        ({}, "app (alice)"),
        ({"unit": "tomcat9.service"}, "app (tomcat9)"),
        ({"unit": "user.slice"}, "app (alice)"),
        ({"unit": "init.scope"}, "app (alice)"),
        ({"unit": "run-u48.service"}, "app (alice)"),
        ({"container": "docker/7892fa5ced3d"}, "app (docker/7892fa5ced3d)"),
        ({"name": "kworker/0:1-events", "kernel": 1}, "[kworker]"),
        ({"name": "runner-48211"}, "runner-# (alice)"),
        ({"name": "python3.11"}, "python3.11 (alice)"),
        ({"name": "(sd-pam)\n"}, "(sd-pam)\n (alice)"),
    ],
)
def test_an_instance_is_a_program_where_it_runs(changes: dict[str, object], instance: str) -> None:
    assert values(process(**changes))["process_threads", instance] == 2


def test_processes_of_one_program_are_summed_and_the_pid_is_the_biggest_ones() -> None:
    found = values(
        process(pid=1, used=[3, 0, 10], **{"is": ["S", 2, 900]}),
        process(pid=2, used=[50, 4096, 20], **{"is": ["R", 1, 100]}),
        process(pid=3, used=[], **{"is": ["S", 1, 5000]}),
    )

    assert found["process_cpu_seconds", "app (alice)"] == 53
    assert found["process_resident_bytes", "app (alice)"] == 6000 * 1024
    assert found["process_read_bytes", "app (alice)"] == 4096
    assert found["process_written_bytes", "app (alice)"] == 30
    assert found["process_pid", "app (alice)"] == 2


def test_of_several_intervals_one_has_its_share() -> None:
    found = values(process(used=[400, 1000, 0, 8], over=8, io_over=4))

    assert found["process_cpu_seconds", "app (alice)"] == 50
    assert found["process_major_faults", "app (alice)"] == 1
    assert found["process_read_bytes", "app (alice)"] == 250


def test_what_the_biggest_are_asked_for_is_summed_and_null_is_not_there() -> None:
    found = values(
        process(pid=1, has=[12, 3], switched=[30, 1]),
        process(pid=2, has=[4, None], switched=[10, None], switched_over=4),
        process(pid=3, name="other", has=[None, 7], switched=[None, None]),
    )

    assert found["process_swap_bytes", "app (alice)"] == 16 * 1024
    assert found["process_open_files", "app (alice)"] == 3
    assert found["process_voluntary_switches", "app (alice)"] == 33
    assert found["process_involuntary_switches", "app (alice)"] == 1
    assert found["process_open_files", "other (alice)"] == 7
    assert not {("process_swap_bytes", "other (alice)"), ("process_voluntary_switches", "other (alice)")} & set(found)


def test_what_was_not_collected_is_not_there() -> None:
    found = values(process(used=[1, None, None]), process(pid=8, name="other"))

    assert found["process_major_faults", "app (alice)"] == 0
    assert ("process_read_bytes", "app (alice)") not in found
    assert ("process_cpu_seconds", "other (alice)") not in found


def test_odd_text_is_refused() -> None:
    for bad in ("[]", '{"pid":7}', '{"pid":7,"name":"x","used":[1.5]}', '{"processes":NaN}', '{"states":{"S":"x"}}'):
        with pytest.raises(ValueError, match="object|name|whole|NaN"):
            list(processes.parse(bad))


def test_what_was_used_in_an_interval_is_a_rate_without_a_sample_before() -> None:
    samples = [text(process(used=[50])), text(process(pid=8, name="burst", used=[500])), text(process(used=[100]))]

    parsed = from_measurements(
        [Measurement(1_767_977_160 + 5 * at, catalogue.PROCESSES, each) for at, each in enumerate(samples)], "web-1"
    )

    rates = Run("web-1", parsed.samples).rates(catalogue.PROCESS_CPU)
    assert rates["burst (alice)"].dropna().tolist() == [1.0]
    # Of the first interval nobody knows how long it was.
    assert rates["app (alice)"].dropna().tolist() == [0.2]
    totals = Run("web-1", parsed.samples).totals(catalogue.PROCESS_CPU)
    assert totals["app (alice)"] == 1.5
