"""`import`: recordings and CSV files from disk, each stored whole or not at all, and once."""

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.store import history
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore

RunProgram = Callable[..., subprocess.CompletedProcess[str]]
HEADER = "timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available\n"
FIRST = "1704067200,server01,25.5,10.2,60.3,4.0,16777216,8388608,12582912\n"
SECOND = "1704067260,server01,26.1,10.5,59.4,4.0,16777216,8355840,12550144\n"


def stored(data: Path, tenant: str = "default") -> dict[str, int]:
    """Return how many samples each machine of a tenant has."""
    with TenantStore(data, tenant, read_only=True) as store:
        return {machine.machine_id: machine.samples for machine in history.machines(store)}


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    path = tmp_path / "perf.csv"
    path.write_text(HEADER + FIRST + SECOND)
    return path


def test_the_first_import_makes_the_data_folder_and_the_tenant(
    run_program: RunProgram, data: Path, csv_file: Path
) -> None:
    done = run_program("import", "--data", data, csv_file)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{csv_file}: 2 rows of server01: 2 new, 0 known already.\n"
    assert Registry(data, read_only=True).tenants() == ["default"]
    assert stored(data) == {"server01": 2}


def test_a_file_that_is_imported_twice_is_stored_once(run_program: RunProgram, data: Path, csv_file: Path) -> None:
    run_program("import", "--data", data, csv_file)

    done = run_program("import", "--data", data, csv_file)

    assert done.returncode == 0
    assert done.stdout == f"{csv_file}: 2 rows of server01: 0 new, 2 known already.\n"
    assert stored(data) == {"server01": 2}


def test_rows_that_are_stored_already_are_known_in_another_file_too(
    run_program: RunProgram, data: Path, csv_file: Path, tmp_path: Path
) -> None:
    run_program("import", "--data", data, csv_file)
    more = tmp_path / "more.csv.gz"
    more.write_bytes(gzip.compress((HEADER + SECOND + SECOND.replace("7260", "7320")).encode()))

    done = run_program("import", "--data", data, more)

    assert "2 rows of server01: 1 new, 1 known already." in done.stdout
    assert stored(data) == {"server01": 3}


def test_a_folder_is_imported_in_order_and_told_in_one_line(
    run_program: RunProgram, data: Path, recordings: Path
) -> None:
    done = run_program("import", "--data", data, recordings)

    assert (done.returncode, done.stderr) == (0, "")
    assert stored(data) == {
        "azure_b1s_cpu_then_io": 180,
        "azure_d4s_diskload_containers": 61,
        "azure_d4s_idle_cpuinfo": 18,
        "azure_d4s_idle_short": 18,
        "azure_f2s_suse_onecore": 131,
        "oci_e5_cpu_containers": 127,
        "oci_e5_vm01_dm_swap": 132,
    }
    # 9 recordings, 5 portal CSV files and 6 trees; left out are names of containers and containers.csv.
    assert done.stdout.startswith("20 files imported: ")
    assert done.stdout.endswith("; 4 left out (--verbose lists them), 0 refused.\n")


def test_each_file_has_its_line_where_that_is_asked_for(run_program: RunProgram, data: Path, recordings: Path) -> None:
    done = run_program("import", "--verbose", "--data", data, recordings / "oci_e5_cpu_containers")

    assert len(done.stdout.splitlines()) == 4
    assert "pcprocess_csv: 124 rows of oci_e5_cpu_containers: " in done.stdout
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["Left out", "Left out"]
    assert "container_names.json holds JSON and no measurements" in done.stderr


def test_a_folder_that_is_imported_again_brings_nothing_new(
    run_program: RunProgram, data: Path, recordings: Path
) -> None:
    run_program("import", "--data", data, recordings / "oci_e5_vm01_dm_swap")

    done = run_program("import", "--data", data, recordings / "oci_e5_vm01_dm_swap")

    assert done.stdout.startswith("3 files imported: 0 new rows of 1 machine, 392 known already")


def test_names_of_containers_that_come_later_are_taken(
    run_program: RunProgram, data: Path, recordings: Path, tmp_path: Path
) -> None:
    source, stick = recordings / "oci_e5_cpu_containers", tmp_path / "web-1"
    stick.mkdir()
    (stick / "containers.json").write_bytes((source / "containers.json").read_bytes())
    run_program("import", "--data", data, stick)
    (stick / "container_names.json").write_bytes((source / "container_names.json").read_bytes())

    done = run_program("import", "--data", data, stick / "containers.json")

    assert "0 new, " in done.stdout
    with TenantStore(data, "default", read_only=True) as store:
        facts = history.facts(store, "web-1")
    names = {fact["name"] for name, fact in facts.items() if name.startswith("container/")}
    assert names == {"loadtest-container-1", "loadtest-container-2", "loadtest-container-3"}


@pytest.mark.parametrize("zipped", [False, True])
def test_standard_input_is_imported(environment: dict[str, str], data: Path, csv_file: Path, zipped: bool) -> None:
    content = csv_file.read_bytes()

    done = imported(environment, data, gzip.compress(content) if zipped else content)

    assert done.returncode == 0
    assert done.stdout == b"standard input: 2 rows of server01: 2 new, 0 known already.\n"
    assert stored(data) == {"server01": 2}


def test_what_comes_from_standard_input_has_no_name_to_fall_back_on(
    environment: dict[str, str], data: Path, recordings: Path
) -> None:
    content = (recordings / "azure_d4s_idle_short" / "host.json").read_bytes()

    unnamed = imported(environment, data, content)
    named = imported(environment, data, content, "--machine-id", "web-1")
    broken = imported(environment, data, b"timestamp,machine_id\n")

    assert unnamed.returncode == 65
    assert b"Not imported: standard input: The file does not say which machine it is of" in unnamed.stderr
    assert named.stdout == b"standard input: 18 rows of web-1: 18 new, 0 known already.\n"
    assert broken.stderr.startswith(b"Not imported: standard input: Missing required columns: cpu_user")


def imported(
    environment: dict[str, str], data: Path, content: bytes, *options: str
) -> subprocess.CompletedProcess[bytes]:
    """Import what comes on standard input."""
    command = [sys.executable, "-m", "appliance", "import", "--data", str(data), *options, "-"]
    return subprocess.run(command, input=content, env=environment, capture_output=True, timeout=120, check=False)


def test_a_portal_csv_is_stored_listed_and_reported(
    run_program: RunProgram, data: Path, recordings: Path, tmp_path: Path
) -> None:
    portal = recordings / "oci_e5_vm01_dm_swap" / "portal.csv"

    done = run_program("import", "--data", data, "--machine-id", "web-1", "--report", tmp_path / "site", portal)
    again = run_program("import", "--data", data, "--machine-id", "web-1", portal)
    listed = run_program("machine", "list", "--data", data)

    assert done.stdout.startswith(f"{portal}: 130 rows of web-1: 130 new, 0 known already.\n")
    assert "0 new, 130 known already." in again.stdout
    assert "web-1" in listed.stdout and "130" in listed.stdout
    assert "web-1" in (tmp_path / "site" / "index.html").read_text()


def test_a_tree_is_one_machine(run_program: RunProgram, data: Path, recordings: Path, tmp_path: Path) -> None:
    tree = recordings / "oci_e5_cpu_containers" / "pcprocess_csv"

    named = run_program("import", "--data", data, "--machine-id", "web-1", "--report", tmp_path / "site", tree)
    unnamed = run_program("import", "--data", data, tree)

    assert named.stdout.startswith(f"{tree}: 124 rows of web-1: 124 new, 0 known already.\n")
    assert unnamed.stdout == f"{tree}: 124 rows of oci_e5_cpu_containers: 124 new, 0 known already.\n"
    with TenantStore(data, "default", read_only=True) as store:
        assert history.facts(store, "web-1")["cpuinfo"]["vendor_id"]


def test_a_tree_beside_the_csv_that_was_written_with_it_is_not_another_machine(
    run_program: RunProgram, data: Path, recordings: Path, tmp_path: Path
) -> None:
    recording = recordings / "azure_d4s_idle_short" / "host.json"
    run_program("process", "--machine-id", "web-1", recording, "-o", tmp_path / "out")

    run_program("import", "--data", data, tmp_path / "out")

    assert list(stored(data)) == ["web-1"]


def test_many_files_are_told_in_one_line_and_one_more_for_a_bad_one(
    run_program: RunProgram, data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(40):
        row = FIRST.replace("1704067200", str(1704067200 + 60 * number))
        (folder / f"{number:03d}.csv").write_text(HEADER + row)
    (folder / "007.csv").write_text(HEADER + FIRST.replace("25.5", "x"))

    done = run_program("import", "--data", data, folder)

    assert done.returncode == 65
    assert done.stderr == f"Not imported: {folder}/007.csv: Line 2, column cpu_user: 'x' is not a number.\n"
    assert done.stdout == "39 files imported: 39 new rows of 1 machine, 0 known already; 0 left out, 1 refused.\n"


def test_containers_are_stored_with_their_names(run_program: RunProgram, data: Path, recordings: Path) -> None:
    run_program("import", "--data", data, recordings / "oci_e5_cpu_containers" / "containers.json")

    with TenantStore(data, "default", read_only=True) as store:
        facts = history.facts(store, "oci_e5_cpu_containers")

    names = {fact["name"] for name, fact in facts.items() if name.startswith("container/")}
    assert names == {"loadtest-container-1", "loadtest-container-2", "loadtest-container-3"}


def test_a_bad_file_is_told_and_the_others_are_stored(
    run_program: RunProgram, data: Path, csv_file: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text(HEADER + FIRST.replace("server01", "other") + SECOND.replace("26.1", "x"))

    done = run_program("import", "--data", data, bad, csv_file, tmp_path / "none.csv")

    assert done.returncode == 65
    assert done.stderr.splitlines() == [
        f"Not imported: {bad}: Line 3, column cpu_user: 'x' is not a number.",
        f"Not imported: {tmp_path}/none.csv cannot be read: No such file or directory.",
    ]
    assert "1 file imported: 2 new rows of 1 machine, 0 known already; 0 left out, 2 refused." in done.stdout
    assert stored(data) == {"server01": 2}


@pytest.mark.parametrize(
    ("content", "code", "sentence"),
    [
        (HEADER.replace("cpu_user", "cpu") + FIRST, 65, "Missing required column: cpu_user"),
        (HEADER + FIRST.replace("25.5", "NaN"), 65, "Line 2, column cpu_user: 'NaN' is not a number."),
        (HEADER + FIRST.replace("25.5", "1e999"), 65, "Line 2, column cpu_user: '1e999' is not a share in percent"),
        (HEADER + FIRST.replace("server01", "../x"), 65, "Line 2, column machine_id: '../x' is not a machine id"),
        (HEADER + FIRST.replace("server01", "x" * 65), 65, "is not a machine id"),
        (HEADER + FIRST + SECOND[:-30], 65, "Line 3 has 6 cells where the header has 9: it is cut"),
        (HEADER, 66, "The file has a header and no rows"),
        ("", 66, "The file is empty"),
        ("hello", 65, "Line 1 is neither a record of a recording nor the header of a standard CSV"),
        ("{}", 65, "holds JSON and no measurements: it is not a recording."),
    ],
)
def test_nothing_is_stored_of_a_refused_file(
    run_program: RunProgram, data: Path, tmp_path: Path, content: str, code: int, sentence: str
) -> None:
    path = tmp_path / "file.csv"
    path.write_text(content)

    done = run_program("import", "--data", data, path)

    assert done.returncode == code
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"Not imported: {path}")
    assert sentence in done.stderr
    assert stored(data) == {}


def test_other_values_for_the_same_time_are_refused_or_the_first_are_kept(
    run_program: RunProgram, data: Path, csv_file: Path, tmp_path: Path
) -> None:
    run_program("import", "--data", data, csv_file)
    other = tmp_path / "other.csv"
    other.write_text(HEADER + SECOND.replace("26.1", "27.0") + SECOND.replace("7260", "7320"))

    refused = run_program("import", "--data", data, other)
    kept = run_program("import", "--data", data, "--keep-first", other)

    assert refused.returncode == 65
    assert "1 of 2 samples have other values than those stored" in refused.stderr
    assert "With --keep-first what does not differ is stored." in refused.stderr
    assert kept.returncode == 0
    assert "2 rows of server01: 1 new, 0 known already, 1 differ from stored ones and were not stored." in kept.stdout
    assert stored(data) == {"server01": 3}


def test_the_machine_may_be_named(run_program: RunProgram, data: Path, csv_file: Path) -> None:
    named = run_program("import", "--data", data, "--machine-id", "web-1", csv_file)
    unnamed = run_program("import", "--data", data, csv_file)

    assert "Warning: " in named.stderr
    assert "The file names its machine server01: it was taken for web-1." in named.stderr
    assert "2 new" in unnamed.stdout
    assert stored(data) == {"server01": 2, "web-1": 2}


def test_the_tenant_must_be_there(run_program: RunProgram, data: Path, csv_file: Path) -> None:
    run_program("tenant", "create", "team-a", "--data", data)

    unknown = run_program("import", "--data", data, "--tenant", "team-b", csv_file)
    only = run_program("import", "--data", data, csv_file)

    assert unknown.returncode == 66
    assert "there is no tenant 'team-b'" in unknown.stderr
    assert only.returncode == 0
    assert stored(data, "team-a") == {"server01": 2}


def test_the_recordings_are_imported_and_reported_in_one_command(
    run_program: RunProgram, data: Path, recordings: Path, tmp_path: Path
) -> None:
    done = run_program("import", "--data", data, "--report", tmp_path / "site", recordings)

    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == f"The report is at {tmp_path}/site/index.html"
    page = (tmp_path / "site" / "index.html").read_text()
    assert all(name in page for name in stored(data))


def test_hidden_files_and_other_names_in_a_folder_are_passed_over(
    run_program: RunProgram, data: Path, csv_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    (folder / ".git").mkdir(parents=True)
    for name in ("a.csv", ".b.csv", ".git/c.csv", "d.txt"):
        (folder / name).write_bytes(csv_file.read_bytes())

    done = run_program("import", "--data", data, folder)

    assert done.stdout == f"{folder}/a.csv: 2 rows of server01: 2 new, 0 known already.\n"


def test_a_folder_with_nothing_for_import_is_told(run_program: RunProgram, data: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "names.json").write_text('{"a": "b"}')

    done = run_program("import", "--data", data, "folder", cwd=tmp_path)

    assert done.returncode == 66
    assert "there is nothing to import in folder" in done.stderr
