"""Derived series on the real recordings, against the numbers that are in them."""

from pathlib import Path

import numpy as np
import pytest

from appliance.analysis import derived
from appliance.analysis.run import Run
from appliance.formats import recording
from appliance.metrics import CPU_SHARES, DISK_BUSY
from appliance.samples import Column, Samples, Values


def run_of(recordings: Path, name: str, file: str = "host.json") -> Run:
    parsed = recording.read(recordings / name / file)
    return Run(name, parsed.samples, parsed.facts)


def test_shares_of_cpu_time_sum_to_all_of_it(recordings: Path) -> None:
    for name in ("azure_b1s_cpu_then_io", "oci_e5_vm01_dm_swap", "azure_d4s_diskload_containers"):
        shares = derived.cpu_shares(run_of(recordings, name))

        assert shares.iloc[0].isna().all()
        assert shares.iloc[1:][list(derived.MODES)].sum(axis=1).to_numpy() == pytest.approx(100, abs=1e-9)


def test_cpus_average_to_the_machine(recordings: Path) -> None:
    run = run_of(recordings, "azure_d4s_idle_short")

    by_cpu = derived.cpu_busy_by_cpu(run)

    assert list(by_cpu.columns) == ["0", "1", "2", "3"]
    assert by_cpu.mean(axis=1).iloc[1:].to_numpy() == pytest.approx(
        derived.cpu_shares(run)["busy"].iloc[1:].to_numpy(), abs=0.2
    )


def test_shares_of_a_csv_are_taken_where_there_are_no_counters() -> None:
    columns = {
        Column(CPU_SHARES[mode], ""): Values(np.array(values))
        for mode, values in {"user": [10.0, 20.0], "idle": [85.0, 70.0], "iowait": [4.0, 8.0]}.items()
    }
    samples = Samples("m", 0, CPU_SHARES["user"].group, np.array([1000, 2000]), columns)

    shares = derived.cpu_shares(Run("m", [samples]))

    assert shares["busy"].tolist() == [11.0, 22.0]
    assert shares["steal"].isna().all()


def test_swap_is_used_where_it_is_and_unknown_where_there_is_none(recordings: Path) -> None:
    used = derived.swap_used(run_of(recordings, "oci_e5_vm01_dm_swap"))
    none = derived.swap_used(run_of(recordings, "azure_b1s_cpu_then_io"))

    assert used["bytes"].max() == (5804024 - 5708224) * 1024
    assert none["bytes"].max() == 0
    assert none["percent"].isna().all()


def test_a_disk_without_requests_has_no_wait(recordings: Path) -> None:
    run = run_of(recordings, "azure_b1s_cpu_then_io")

    wait = derived.disk_wait(run)

    assert wait["loop4"].isna().all()
    assert wait["sda"].iloc[1] == pytest.approx(0.00133, abs=1e-5)
    assert derived.share_of_time(run, DISK_BUSY)["sda"].max() > 90


def test_containers_are_held_back_in_a_share_of_their_periods(recordings: Path) -> None:
    throttled = derived.container_throttled(run_of(recordings, "oci_e5_cpu_containers", "containers.json"))

    assert throttled.shape == (127, 3)
    assert throttled.max().max() <= 100


def test_file_systems_are_as_full_as_df_says(recordings: Path) -> None:
    used = derived.filesystem_used(run_of(recordings, "azure_b1s_cpu_then_io"))

    size, free, available = 7574544, 7065728, 7061632
    assert used["/"].iloc[0] == pytest.approx(100 * (size - free) / (size - free + available))
