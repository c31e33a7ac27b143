"""`report`: from files and folders, from a tenant's store, and what it says when something cannot be read."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

RunProgram = Callable[..., subprocess.CompletedProcess[str]]
MACHINE = "azure_d4s_idle_short"
CSV = """timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available
1767225600,server01,25.5,10.2,60.3,4.0,16777216,8388608,12582912
1767225660,server01,26.1,10.5,59.4,4.0,16777216,8355840,12550144
1767225720,server02,50.0,10.0,40.0,0.0,16777216,8355840,12550144
"""


def machines(output: Path) -> dict[str, dict[str, object]]:
    return {found["id"]: found for found in json.loads((output / "site.json").read_text())["machines"]}


def test_a_recording_becomes_a_site_and_its_path_is_the_only_output(
    run_program: RunProgram, recordings: Path, tmp_path: Path
) -> None:
    done = run_program("report", "--data-file", recordings / MACHINE / "host.json", "--output", tmp_path / "site")

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'site' / 'index.html'}\n"
    assert "Reading" in done.stderr
    assert machines(tmp_path / "site")[MACHINE]["samples"] == 18


def test_a_csv_of_two_machines_becomes_two_pages(run_program: RunProgram, tmp_path: Path) -> None:
    (tmp_path / "both.csv").write_text(CSV)

    done = run_program("report", "--data-file", "both.csv", "--output", "site")

    assert done.returncode == 0, done.stderr
    assert sorted(machines(tmp_path / "site")) == ["server01", "server02"]


def test_a_folder_is_read_whole_and_several_files_of_a_machine_are_one(
    run_program: RunProgram, recordings: Path, tmp_path: Path
) -> None:
    shutil.copytree(recordings / "oci_e5_cpu_containers", tmp_path / "stick" / "oci", copy_function=shutil.copy)
    shutil.copytree(recordings / MACHINE, tmp_path / "stick" / MACHINE, copy_function=shutil.copy)

    done = run_program("report", "--data-file", "stick", "--output", "site")

    assert done.returncode == 0, done.stderr
    assert sorted(machines(tmp_path / "site")) == [MACHINE, "oci"]
    page = (tmp_path / "site/m/oci/index.html").read_text()
    assert "loadtest-container-1" in page
    assert "Could not be read" not in (tmp_path / "site/index.html").read_text()


def test_the_environment_names_the_file_and_an_option_beats_it(
    run_program: RunProgram, recordings: Path, tmp_path: Path
) -> None:
    (tmp_path / "one.csv").write_text(CSV)
    recorded = {"PERFCOLLECTOR_OUTPUT": str(recordings / MACHINE / "host.json")}

    by_environment = run_program("report", "--output", "first", env=recorded)
    by_option = run_program("report", "--data-file", "one.csv", "--output", "second", env=recorded)

    assert by_environment.returncode == by_option.returncode == 0, by_environment.stderr + by_option.stderr
    assert list(machines(tmp_path / "first")) == [MACHINE]
    assert sorted(machines(tmp_path / "second")) == ["server01", "server02"]


@pytest.mark.parametrize(
    ("output", "code", "sentence"),
    [("full", 64, "full is there already and is not a site of ours"), ("file/site", 73, "file is a file")],
)
def test_a_folder_that_cannot_be_written_is_said_before_the_work(
    run_program: RunProgram, tmp_path: Path, output: str, code: int, sentence: str
) -> None:
    (tmp_path / "good.csv").write_text(CSV)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").write_text("")
    (tmp_path / "file").write_text("")

    done = run_program("report", "--data-file", "good.csv", "--output", output)

    assert done.returncode == code
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_cannot_be_read_costs_only_itself(run_program: RunProgram, tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(CSV)
    (tmp_path / "bad.csv").write_text(CSV.replace("50.0", "fifty"))

    done = run_program("report", "--data-file", "good.csv", "--data-file", "bad.csv", "--output", "site")

    assert done.returncode == 65
    assert done.stdout == "site/index.html\n"
    assert done.stderr.splitlines()[-1] == "perfanalysis: 1 file could not be read: the site says which and why."
    assert done.stderr.count("'fifty' is not a number") == 1
    page = (tmp_path / "site" / "index.html").read_text()
    assert "bad.csv" in page
    assert "1 input could not be read." in page


@pytest.mark.parametrize(
    ("name", "content", "code"), [("bad.csv", "a,b\n1,2\n", 65), ("empty.json", "", 66), ("gone.csv", None, 66)]
)
def test_where_nothing_can_be_read_no_site_is_written(
    run_program: RunProgram, tmp_path: Path, name: str, content: str | None, code: int
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)

    done = run_program("report", "--data-file", name, "--output", "site")

    assert done.returncode == code
    assert done.stdout == ""
    assert name in done.stderr.splitlines()[-1]
    assert not (tmp_path / "site").exists()


def test_an_empty_folder_is_a_sentence(run_program: RunProgram, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()

    done = run_program("report", "--data-file", "nothing", "--output", "site")

    assert done.returncode == 66
    assert "nothing: there are no samples to report there" in done.stderr


def test_a_span_of_time_bounds_the_report(run_program: RunProgram, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(CSV)
    span = ("--start-date", "1767225660", "--end-date", "2026-01-01T00:01:30Z")

    done = run_program("report", "--data-file", "one.csv", "--output", "site", *span)
    none = run_program("report", "--data-file", "one.csv", "--output", "none", "--start-date", "2027-01-01")

    found = machines(tmp_path / "site")
    assert done.returncode == 0, done.stderr
    assert (found["server01"]["samples"], found["server02"]["samples"]) == (1, 0)
    assert none.returncode == 66
    assert "in this span of time" in none.stderr
    assert not (tmp_path / "none").exists()


def test_a_tenant_is_reported_from_its_store(run_program: RunProgram, data: Path, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(CSV)
    assert run_program("import", "--data", data, "one.csv").returncode == 0
    assert run_program("machine", "rename", "--data", data, "server01", "The <b>shop</b>").returncode == 0

    done = run_program("report", "--data", data, "--output", "site", env={"PERF_DATA_FILE": "not-there.csv"})

    assert done.returncode == 0, done.stderr
    assert machines(tmp_path / "site")["server01"]["name"] == "The <b>shop</b>"
    assert "The &lt;b&gt;shop&lt;/b&gt;" in (tmp_path / "site" / "index.html").read_text()


def test_import_can_report_what_it_stored(run_program: RunProgram, data: Path, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(CSV)

    done = run_program("import", "--data", data, "one.csv", "--report", "site")

    assert done.returncode == 0, done.stderr
    assert sorted(machines(tmp_path / "site")) == ["server01", "server02"]


def test_files_and_a_tenant_together_are_refused(run_program: RunProgram, data: Path, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(CSV)

    done = run_program("report", "--data", data, "--data-file", "one.csv", "--output", "site")

    assert done.returncode == 64
    assert "name either --data-file or --tenant and --data" in done.stderr


def test_a_data_folder_that_is_not_there_is_a_sentence(run_program: RunProgram, data: Path) -> None:
    done = run_program("report", "--data", data, "--output", "site")

    assert done.returncode == 66
    assert done.stderr == (
        f"perfanalysis: {data} is no data folder of perfanalysis: name it with --data, or import something first.\n"
    )


def test_a_folder_of_somebody_else_is_refused(run_program: RunProgram, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(CSV)
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")

    done = run_program("report", "--data-file", "one.csv", "--output", "mine")

    assert done.returncode == 64
    assert "mine is there already and is not a site of ours" in done.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_reports_are_counted_in_a_metrics_file(run_program: RunProgram, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(CSV)
    for name in ("one.csv", "one.csv", "missing.csv"):
        run_program("report", "--data-file", name, "--output", "site", "--metrics-file", "report.prom")

    lines = (tmp_path / "report.prom").read_text().splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert (values["report_generation_total"], values["report_generation_failures_total"]) == ("3", "1")
    assert values["report_generation_duration_seconds_count"] == "3"
    assert values['report_generation_duration_seconds_bucket{le="+Inf"}'] == "3"
    assert int(values['report_generation_duration_seconds_bucket{le="0.005"}']) <= 1
    assert float(values["report_generation_duration_seconds_sum"]) > 0


def test_a_metrics_file_in_no_folder_is_refused_before_a_report_is_begun(
    run_program: RunProgram, tmp_path: Path
) -> None:
    (tmp_path / "one.csv").write_text(CSV)

    done = run_program("report", "--data-file", "one.csv", "--output", "site", "--metrics-file", "nowhere/x.prom")

    assert done.returncode == 73
    assert done.stderr == "perfanalysis: the metrics file nowhere/x.prom cannot be written: its folder is not there.\n"
    assert not (tmp_path / "site").exists()
