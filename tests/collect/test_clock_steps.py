"""The clock of a real recorder is set while it records, and it is stopped for a while: nothing is lost or doubled."""

import signal
import subprocess
import time
from itertools import pairwise
from pathlib import Path

from stepped_clock import (
    INTERVAL_MS,
    ONE_NUMBER,
    PATIENCE_SECONDS,
    Following,
    late_ticks,
    needs_faketime,
    recorder,
    samples_of,
    stepped,
    troubles,
)

from appliance.analysis.run import Run
from appliance.formats import recording
from appliance.metrics import CONTEXT_SWITCHES
from appliance.store import history
from appliance.store.batches import Batch, add_batch, digest_of
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore


@needs_faketime
def test_a_clock_that_is_set_harms_no_sample(tmp_path: Path, environment: dict[str, str]) -> None:
    found = stepped(tmp_path, environment, steps=8, seed=3)

    assert troubles(found) == []
    assert {step > 0 for step in found.steps_ms} == {True, False}
    parsed = recording.read(found.recording)
    assert (parsed.count, parsed.warnings) == (len(samples_of(found.recording)), [])
    # By how long it really took: spread over the hours that the clock was set by, they would be hardly any.
    rates = Run("web-1", parsed.samples, parsed.facts).rates(CONTEXT_SWITCHES)[""].dropna()
    assert len(rates) >= 4
    assert (rates > 5).all()


@needs_faketime
def test_every_sample_of_a_clock_that_is_set_is_stored_once(tmp_path: Path, environment: dict[str, str]) -> None:
    found = stepped(tmp_path, environment, steps=4, seed=4)

    parsed = recording.read(found.recording)
    registry = Registry(tmp_path / "data")
    registry.create_tenant("default")
    with TenantStore(tmp_path / "data", "default") as store:
        data = found.recording.read_bytes()
        receipt = add_batch(store, Batch(digest_of("recording", "web-1", data), "recording", parsed.samples, {}))
        (machine,) = history.machines(store)
    registry.close()

    assert (receipt.rows, receipt.inserted, receipt.duplicates, receipt.conflicts) == (parsed.count, parsed.count, 0, 0)
    assert machine.samples == parsed.count


@needs_faketime
def test_control_a_recorder_that_does_not_number_its_runs_is_found_out(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    found = stepped(tmp_path, environment, steps=8, seed=3, before=ONE_NUMBER)

    assert any("same run" in trouble for trouble in troubles(found))


def stop_for(process: "subprocess.Popen[str]", seconds: float) -> None:
    process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    process.send_signal(signal.SIGCONT)


def test_a_recorder_that_was_stopped_leaves_one_gap_and_no_bunch(tmp_path: Path, environment: dict[str, str]) -> None:
    with recorder(tmp_path, environment) as process:
        following = Following(tmp_path / "r.json")
        following.wait_for(samples=5)
        stop_for(process, 2)
        following.wait_for(samples=following.samples + 5)
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 0, errors
    taken = samples_of(tmp_path / "r.json")
    passed = [sample.at_ms - before.at_ms for before, sample in pairwise(taken)]
    assert min(passed) >= INTERVAL_MS
    (gap,) = [milliseconds for milliseconds in passed if milliseconds >= 1500]
    assert gap // INTERVAL_MS - 1 in late_ticks(taken)
    # Nobody took the stop for a source that hangs.
    assert "does not answer" not in errors
