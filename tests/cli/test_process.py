"""`process` and `pcprocess`: a recording becomes CSV files."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RunProgram = Callable[..., subprocess.CompletedProcess[str]]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_gets_the_tree_and_the_standard_csv(run_program: RunProgram, recordings: Path, tmp_path: Path) -> None:
    recording = recordings / "oci_e5_cpu_containers" / "host.json"

    done = run_program("process", recording, "-o", tmp_path / "out")

    assert (done.returncode, done.stdout) == (0, "")
    assert sorted(files(tmp_path / "out")) == [
        "perf_data.csv",
        "proc/diskstats",
        "proc/meminfo",
        "proc/net/dev",
        "proc/stat",
        "statfs_ALL",
        "system_info.json",
    ]
    assert "126 samples of oci_e5_cpu_containers from 2026-01-10 05:03:43Z to 2026-01-10 05:14:08Z" in done.stderr
    assert f"{tmp_path}/out/perf_data.csv: 125 rows." in done.stderr


def test_a_name_that_ends_in_csv_gets_the_standard_csv_alone(
    run_program: RunProgram, recordings: Path, tmp_path: Path
) -> None:
    recording = recordings / "oci_e5_vm01_dm_swap" / "host.json"

    done = run_program("process", recording, "-o", "out/x.csv", "--machine-id", "web-1", cwd=tmp_path)

    assert done.returncode == 0
    assert list(files(tmp_path / "out")) == ["x.csv"]
    lines = (tmp_path / "out" / "x.csv").read_text().splitlines()
    assert len(lines) == 132
    assert lines[1].startswith("1767800526,web-1,50.2497502497502")


def test_pcprocess_takes_its_settings_from_the_environment(
    environment: dict[str, str], recordings: Path, tmp_path: Path
) -> None:
    pcprocess = Path(sys.executable).parent / "pcprocess"
    settings = {"PCR_COLLECTION": str(recordings / "azure_d4s_idle_short" / "host.json"), "PCR_OUTDIR": "perf.csv"}

    done = subprocess.run(
        [pcprocess], env=environment | settings, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0
    assert (tmp_path / "perf.csv").read_text().count("\n") == 18


def test_compat_writes_the_rows_of_the_original(run_program: RunProgram, recordings: Path, tmp_path: Path) -> None:
    folder = recordings / "azure_b1s_cpu_then_io"

    run_program("process", "--compat", folder / "host.json", "-o", tmp_path / "out")

    written = files(tmp_path / "out")
    original = files(folder / "pcprocess_csv")
    assert set(written) == {*original, "perf_data.csv"}
    assert all(written[path] == content for path, content in original.items() if path != "proc/net/dev")


def test_containers_get_containers_csv(run_program: RunProgram, recordings: Path, tmp_path: Path) -> None:
    folder = recordings / "oci_e5_cpu_containers"

    done = run_program("process", folder / "containers.json", "-o", tmp_path / "out")

    assert done.returncode == 0
    assert files(tmp_path / "out") == {"containers.csv": (folder / "containers.csv").read_bytes()}


def test_two_runs_write_the_same_bytes(run_program: RunProgram, recordings: Path, tmp_path: Path) -> None:
    recording = recordings / "azure_d4s_diskload_containers" / "host.json"

    for name in ("one", "two"):
        run_program("process", recording, "-o", tmp_path / name)

    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_a_cut_recording_is_read_up_to_the_cut_and_the_loss_is_told(
    run_program: RunProgram, recordings: Path, tmp_path: Path
) -> None:
    content = (recordings / "oci_e5_vm01_dm_swap" / "host.json").read_bytes()
    (tmp_path / "cut.json").write_bytes(content[:100_000])

    done = run_program("process", "cut.json", "-o", "cut.csv", cwd=tmp_path)

    assert done.returncode == 0
    assert "Warning: cut.json is cut in line " in done.stderr
    assert "bytes after the last whole line are lost." in done.stderr


def test_one_sample_has_no_row_and_it_is_told(run_program: RunProgram, recordings: Path, tmp_path: Path) -> None:
    lines = (recordings / "oci_e5_vm01_dm_swap" / "host.json").read_text().splitlines(keepends=True)
    (tmp_path / "one.json").write_text("".join(lines[:5]))

    done = run_program("process", "one.json", "-o", "one.csv", cwd=tmp_path)

    assert done.returncode == 0
    assert "one.json: 1 sample of one " in done.stderr
    assert "Warning: a row needs two samples" in done.stderr
    assert (tmp_path / "one.csv").read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("content", "code", "sentence"),
    [
        (None, 66, "file cannot be read: No such file or directory."),
        ("", 66, "file is empty: a recording has one JSON object a line."),
        ("hello\n", 65, "file line 1 is not a measurement of a recording: it is not JSON."),
        ('{"timestamp":1767800526,"subsystem":"/proc/stat"', 65, "file line 1 is not a measurement of a recording"),
        ('{"timestamp":5,"subsystem":"x","measurement":""}\n', 65, "between the years 2000 and 2100"),
        ('{"timestamp":1767800526,"subsystem":"x","measurement":""}\n', 65, "no measurement of a known source"),
        ('{"a":1}\n', 65, "file holds JSON and no measurements: it is not a recording."),
    ],
)
def test_a_file_that_is_no_recording_is_one_sentence_and_leaves_nothing(
    run_program: RunProgram, tmp_path: Path, content: str | None, code: int, sentence: str
) -> None:
    if content is not None:
        (tmp_path / "file").write_text(content)

    done = run_program("process", "file", "-o", "out.csv", cwd=tmp_path)

    assert done.returncode == code
    assert done.stderr.startswith("perfanalysis: ")
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ([], 64, "name a recording, or set PCR_COLLECTION."),
        (["host.json"], 64, "name a folder or a CSV file with -o, or set PCR_OUTDIR."),
        (["host.json", "-o", "x.csv", "--machine-id", "../x"], 65, "'../x' is not a machine id"),
        (["host.json", "-o", "host.json/x.csv"], 73, "host.json/x.csv cannot be written: a part of its path is no"),
        (["host.json", "-o", "/proc/none"], 74, "/proc/none/proc/stat cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said(
    run_program: RunProgram, recordings: Path, tmp_path: Path, arguments: list[str], code: int, sentence: str
) -> None:
    (tmp_path / "host.json").write_bytes((recordings / "azure_d4s_idle_short" / "host.json").read_bytes())

    done = run_program("process", *arguments, cwd=tmp_path)

    assert done.returncode == code
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
