"""`export`: a machine's history as CSV, from the data folder or from a receiver."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.receive.application import application
from appliance.receive.server import Receiver
from appliance.receive.stores import Stores
from appliance.store.registry import Registry

RunProgram = Callable[..., subprocess.CompletedProcess[str]]
CSV = (
    "timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available\n"
    "1704067200,server01,25.5,10.2,60.3,4.0,16777216,8388608,12582912\n"
    "1704067200,server02,26.1,10.5,59.4,4.0,16777216,8355840,12550144\n"
    "1704153600,server01,27.5,10.2,58.3,4.0,16777216,8388608,12582912\n"
)
OF_SERVER01 = CSV.replace(CSV.splitlines(keepends=True)[2], "")


@pytest.fixture
def stored(run_program: RunProgram, data: Path, tmp_path: Path) -> Path:
    """A data folder with two machines in it."""
    (tmp_path / "perf.csv").write_text(CSV)
    assert run_program("import", "--data", data, tmp_path / "perf.csv").returncode == 0
    return data


@pytest.fixture
def receiver(stored: Path) -> Iterator[dict[str, str]]:
    """The settings of a client of a running receiver of that folder."""
    stores = Stores(stored)
    running = Receiver(application(stores), "127.0.0.1", 0)
    thread = threading.Thread(target=running.run)
    thread.start()
    yield {"XATBACKEND_URL": running.url, "XATBACKEND_APIKEY": stores.registry.create_key("default")}
    running.stop()
    thread.join()
    stores.close()


def test_an_export_of_a_csv_is_the_csv(run_program: RunProgram, stored: Path, tmp_path: Path) -> None:
    every = run_program("export", "--data", stored)
    one = run_program("export", "--data", stored, "--machine-id", "server01", "--output", "out/x.csv", cwd=tmp_path)

    assert (every.returncode, every.stdout, every.stderr) == (0, CSV, "")
    assert (one.returncode, one.stdout, one.stderr) == (0, "", "out/x.csv: 2 rows.\n")
    assert (tmp_path / "out" / "x.csv").read_text() == OF_SERVER01


def test_dates_are_whole_days_and_both_ends_are_inside(run_program: RunProgram, stored: Path) -> None:
    first_day = run_program("export", "--data", stored, "--end-date", "2024-01-01")
    second_day = run_program("export", "--data", stored, "--start-date", "2024-01-02", "--end-date", "2024-01-02")
    instant = run_program("export", "--data", stored, "--start-date", "1704153600", "--end-date", "1704153600")

    lines = CSV.splitlines(keepends=True)
    assert first_day.stdout == "".join(lines[:3])
    assert second_day.stdout == instant.stdout == lines[0] + lines[3]


def test_the_first_row_of_a_span_is_not_lost(run_program: RunProgram, data: Path, recordings: Path) -> None:
    """Its shares are of the interval since the sample before, which is outside."""
    run_program("import", "--data", data, recordings / "oci_e5_vm01_dm_swap" / "host.json")
    whole = run_program("export", "--data", data).stdout.splitlines()

    part = run_program("export", "--data", data, "--start-date", "1767800531", "--end-date", "1767800541")

    assert part.stdout.splitlines() == [whole[0], *whole[2:5]]


def test_an_export_that_is_imported_again_doubles_nothing(
    run_program: RunProgram, data: Path, recordings: Path, tmp_path: Path
) -> None:
    exported = tmp_path / "exported.csv"
    run_program("import", "--data", data, recordings)
    run_program("export", "--data", data, "--output", exported)

    for folder in (data, tmp_path / "another"):
        imported = run_program("import", "--data", folder, exported)
        again = run_program("export", "--data", folder)

        assert imported.returncode == 0
        assert again.stdout == exported.read_text()
    assert exported.read_text().count("\n") == 1 + 179 + 59 + 17 + 17 + 130 + 125 + 131


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--machine-id", "web-1"], 66, "there is no machine 'web-1': there is server01, server02."),
        (["--start-date", "2030-01-01"], 66, "there are no samples in this span of time"),
        (["--start-date", "yesterday"], 64, "'yesterday' is not a time"),
        (["--tenant", "team-b"], 66, "there is no tenant 'team-b'"),
        (["--output", "/proc/none/x.csv"], 74, "/proc/none/x.csv cannot be written"),
        (["--output", "perf.csv/x.csv"], 73, "perf.csv/x.csv cannot be written"),
        (["--data", "none"], 66, "none is no data folder"),
    ],
)
def test_what_cannot_be_exported_is_said(
    run_program: RunProgram, stored: Path, tmp_path: Path, arguments: list[str], code: int, sentence: str
) -> None:
    done = run_program("export", "--data", stored, *arguments, cwd=tmp_path)

    assert done.returncode == code
    assert done.stdout == ""
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_who_goes_away_is_no_defect(
    run_program: RunProgram, environment: dict[str, str], data: Path, recordings: Path
) -> None:
    run_program("import", "--data", data, recordings)

    piped = subprocess.run(
        ["bash", "-c", f"'{sys.executable}' -m appliance export --data '{data}' | head -1"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert piped.stdout.startswith("timestamp,machine_id,cpu_user")
    assert piped.stderr == ""


def test_a_receiver_is_asked_where_no_data_folder_is_named(
    run_program: RunProgram, receiver: dict[str, str], data: Path, tmp_path: Path
) -> None:
    dates = ("--start-date", "2024-01-01", "--end-date", "2030-01-01")

    asked = run_program("export", "--machine-id", "server01", *dates, "--output", tmp_path / "out.csv", env=receiver)
    local = run_program("export", "--machine-id", "server02", env={**receiver, "PERFANALYSIS_DATA": str(data)})

    assert (asked.returncode, asked.stdout) == (0, "")
    assert (tmp_path / "out.csv").read_text() == OF_SERVER01
    assert local.stdout.count("server02") == 1


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "sentence"),
    [
        (["--machine-id", "web-1"], {}, 66, "there is no machine 'web-1'"),
        (["--machine-id", "server01", "--start-date", "2030-01-01"], {}, 66, "no samples"),
        (["--machine-id", "server01"], {"XATBACKEND_APIKEY": "pa1_wrong"}, 77, "The API key is missing or not valid."),
        ([], {}, 64, "name the machine with --machine-id"),
        (["--machine-id", "server01"], {"XATBACKEND_URL": "http://127.0.0.1:1"}, 69, "cannot be reached"),
        (["--machine-id", "server01"], {"XATBACKEND_URL": "ftp://x"}, 64, "is not the address of a receiver"),
    ],
)
def test_what_a_receiver_refuses_is_said(
    run_program: RunProgram,
    receiver: dict[str, str],
    tmp_path: Path,
    arguments: list[str],
    settings: dict[str, str],
    code: int,
    sentence: str,
) -> None:
    done = run_program("export", *arguments, "--output", tmp_path / "out.csv", env=receiver | settings)

    assert done.returncode == code
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out.csv").exists()


def test_a_tenant_sees_its_own_machines_only(run_program: RunProgram, stored: Path) -> None:
    Registry(stored).create_tenant("team-b")

    unnamed = run_program("export", "--data", stored)
    other = run_program("export", "--data", stored, "--tenant", "team-b")

    assert unnamed.returncode == 64
    assert "name a tenant with --tenant: there is default, team-b." in unnamed.stderr
    assert other.returncode == 66
