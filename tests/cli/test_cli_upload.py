"""`upload`: where it sends, with which key, and what it says of what came of it."""

import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from appliance.formats import recording
from appliance.receive.application import application
from appliance.receive.server import Receiver
from appliance.receive.stores import Stores

RunProgram = Callable[..., subprocess.CompletedProcess[str]]
CSV = (
    "timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available\n"
    "1704067200,web-1,25.5,10.2,60.3,4.0,16777216,8388608,12582912\n"
)


class Site(NamedTuple):
    url: str
    key: str
    machines: Callable[[], int]


@pytest.fixture
def site(data: Path) -> Iterator[Site]:
    """A receiver, and a key for it."""
    stores = Stores(data)
    stores.registry.create_tenant("team-a")
    receiver = Receiver(application(stores), "127.0.0.1", 0)
    thread = threading.Thread(target=receiver.run)
    thread.start()
    key = stores.registry.create_key("team-a")

    def machines() -> int:
        store = stores.tenant("team-a")
        with store.lock:
            return int(store.database.execute_sql("SELECT count(*) FROM machine").fetchone()[0])

    yield Site(receiver.url, key, machines)
    receiver.stop()
    thread.join()
    stores.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "perf.csv"
    path.write_text(CSV)
    return path


def account(home: Path, content: object, mode: int = 0o600) -> Path:
    path = home / ".pcc" / "config.json"
    path.parent.mkdir(parents=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(mode)
    return path


def test_the_environment_alone_is_enough(run_program: RunProgram, site: Site, file: Path) -> None:
    env = {
        "XATBACKEND_URL": site.url,
        "XATBACKEND_APIKEY": site.key,
        "TENANT_ID": "team-a",
        "MACHINE_ID": "web-1",
        "UPLOAD_RETRY_MAX": "0",
        "UPLOAD_TIMEOUT": "10s",
    }

    first = run_program("upload", file, env=env)
    again = run_program("upload", file, env=env)

    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == "1 new row of web-1 imported, 0 known already.\n"
    assert again.stdout == "This file was uploaded before: 1 row of web-1 then.\n"
    assert site.machines() == 1


def test_a_key_file_and_options_are_enough(run_program: RunProgram, site: Site, file: Path, tmp_path: Path) -> None:
    (tmp_path / "team-a.key").write_text(site.key + "\n")
    (tmp_path / "team-a.key").chmod(0o600)

    done = run_program("upload", file, "--url", site.url, "--key-file", "team-a.key", "--machine-id", "web-2")

    assert done.returncode == 0
    assert done.stderr.startswith("Warning: ")


def test_the_account_file_is_enough(run_program: RunProgram, site: Site, file: Path, tmp_path: Path) -> None:
    account(tmp_path / "home", {"xatbackend": {"url": site.url, "api_key": site.key, "tenant_id": "team-a"}})

    done = run_program("upload", file, "--machine-id", "web-1")

    assert (done.returncode, done.stderr) == (0, "")


def test_an_account_file_that_others_may_read_is_refused(
    run_program: RunProgram, site: Site, file: Path, tmp_path: Path
) -> None:
    path = account(tmp_path / "home", {"xatbackend": {"url": site.url, "api_key": site.key}}, mode=0o640)

    done = run_program("upload", file, "--machine-id", "web-1")

    assert done.returncode == 77
    assert done.stderr == f"perfanalysis: {path} holds a key and its mode is 0640: run chmod 600 {path}.\n"
    assert site.machines() == 0


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"xatbackend":5}', '{"xatbackend":{"url":5}}', "\xff"])
def test_an_account_file_of_another_shape_is_refused(
    run_program: RunProgram, file: Path, tmp_path: Path, content: str
) -> None:
    account(tmp_path / "home", content)

    done = run_program("upload", file, "--machine-id", "web-1")

    assert done.returncode == 78
    assert done.stderr.count("\n") == 1


def test_an_account_file_that_is_not_needed_is_not_read(
    run_program: RunProgram, site: Site, file: Path, tmp_path: Path
) -> None:
    account(tmp_path / "home", "{", mode=0o644)

    done = run_program("upload", file, "--url", site.url, "--machine-id", "web-1", env={"XATBACKEND_APIKEY": site.key})

    assert done.returncode == 0


def test_the_tenant_of_the_account_file_is_of_its_key_alone(
    run_program: RunProgram, site: Site, file: Path, tmp_path: Path
) -> None:
    account(tmp_path / "home", {"xatbackend": {"url": site.url, "api_key": "pa1_old", "tenant_id": "old"}})

    done = run_program("upload", file, "--machine-id", "web-1", env={"XATBACKEND_APIKEY": site.key})

    assert done.returncode == 0


@pytest.mark.parametrize(
    ("content", "options", "code", "said"),
    [
        (CSV.replace("25.5", "many"), [], 65, "Line 2, column cpu_user"),
        (CSV, ["--machine-id", "../x"], 65, "is not a machine id"),
        (CSV, ["--tenant", "team-b"], 77, "Tenant mismatch"),
        (CSV, ["--url", "http://127.0.0.1:9", "--retries", "0"], 69, "cannot be reached"),
        (CSV, ["--url", "127.0.0.1:9"], 64, "is not the address of a receiver"),
        (CSV, ["--key-file", "absent.key"], 66, "the key file absent.key cannot be read: No such file"),
        (CSV, ["--timeout", "soon"], 64, "not a duration"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    run_program: RunProgram, site: Site, file: Path, content: str, options: list[str], code: int, said: str
) -> None:
    file.write_text(content)
    env = {"XATBACKEND_URL": site.url, "XATBACKEND_APIKEY": site.key, "MACHINE_ID": "web-1"}

    done = run_program("upload", file, *options, env=env)

    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert site.key not in done.stderr
    assert site.machines() == 0


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"XATBACKEND_APIKEY": "pa1_x", "MACHINE_ID": "web-1"}, "name the receiver with --url"),
        ({"XATBACKEND_URL": "http://127.0.0.1:9", "MACHINE_ID": "web-1"}, "give a key with --key-file"),
    ],
)
def test_what_is_missing_is_named(run_program: RunProgram, file: Path, env: dict[str, str], said: str) -> None:
    done = run_program("upload", file, env=env)

    assert done.returncode == 64
    assert said in done.stderr


def test_the_machine_is_the_one_that_the_file_names(run_program: RunProgram, site: Site, file: Path) -> None:
    env = {"XATBACKEND_URL": site.url, "XATBACKEND_APIKEY": site.key}

    done = run_program("upload", file, env=env)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1 new row of web-1 imported, 0 known already.\n"
    assert site.machines() == 1


def test_a_file_of_several_machines_is_not_sent(run_program: RunProgram, site: Site, file: Path) -> None:
    file.write_text(CSV + CSV.splitlines()[1].replace("web-1", "web-2") + "\n")

    done = run_program("upload", file, env={"XATBACKEND_URL": site.url, "XATBACKEND_APIKEY": site.key})

    assert done.returncode == 64
    assert "perf.csv is of 2 machines, from web-1 to web-2," in done.stderr
    assert site.machines() == 0


def test_a_wrong_key_is_not_repeated(run_program: RunProgram, site: Site, file: Path) -> None:
    wrong = site.key[:-1] + ("0" if site.key[-1] != "0" else "1")

    done = run_program(
        "upload", file, env={"XATBACKEND_URL": site.url, "XATBACKEND_APIKEY": wrong, "MACHINE_ID": "web-1"}
    )

    assert done.returncode == 77
    assert "The API key is missing or not valid." in done.stderr
    assert wrong not in done.stderr


def test_a_key_is_no_option_that_everyone_could_see(run_program: RunProgram, file: Path) -> None:
    assert run_program("upload", file, "--key", "pa1_x").returncode == 64
    assert "--key " not in run_program("upload", "--help").stdout


RECORDED = (
    "collect",
    "--mode",
    "local",
    "--duration",
    "2s",
    "--interval",
    "1s",
    "-o",
    "r.json",
    "--machine-id",
    "web-1",
)


def pending(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "home/.local/state/perfanalysis/pending").glob("*"))


def test_a_recording_is_uploaded_when_it_ended(run_program: RunProgram, site: Site, tmp_path: Path) -> None:
    env = {"UPLOAD_AUTO": "true", "XATBACKEND_URL": site.url, "XATBACKEND_APIKEY": site.key}

    done = run_program(*RECORDED, env=env)

    assert done.returncode == 0
    assert re.fullmatch(r"\d new rows of web-1 imported, 0 known already\.\n", done.stdout)
    assert (site.machines(), pending(tmp_path)) == (1, [])


def test_an_upload_that_failed_stays_queued_and_is_sent_later(
    run_program: RunProgram, site: Site, tmp_path: Path
) -> None:
    away = {"UPLOAD_AUTO": "1", "XATBACKEND_URL": "http://127.0.0.1:9", "XATBACKEND_APIKEY": site.key,
            "UPLOAD_RETRY_MAX": "0"}  # fmt: skip

    done = run_program(*RECORDED, env=away)
    (note,) = pending(tmp_path)
    kept = note.read_text()
    still_away = run_program("upload", "--pending", env=away)
    later = run_program("upload", "--pending", "--url", site.url, env={"XATBACKEND_APIKEY": site.key})
    nothing = run_program("upload", "--pending")

    assert (done.returncode, still_away.returncode, later.returncode, nothing.returncode) == (69, 69, 0, 0)
    assert done.stderr.splitlines()[-1] == (
        "perfanalysis: http://127.0.0.1:9 cannot be reached: Connection refused. "
        f"The upload of {tmp_path}/r.json stays queued: perfanalysis upload --pending sends it."
    )
    assert site.key not in kept
    assert "rows of web-1 imported" in later.stdout
    assert (site.machines(), pending(tmp_path)) == (1, [])


def test_one_that_cannot_be_sent_is_not_in_the_way_of_others(
    run_program: RunProgram, site: Site, tmp_path: Path
) -> None:
    env = {"UPLOAD_AUTO": "1", "XATBACKEND_URL": "http://127.0.0.1:9", "XATBACKEND_APIKEY": site.key,
           "UPLOAD_RETRY_MAX": "0"}  # fmt: skip
    for name in ("a.json", "b.json"):
        run_program(*RECORDED, "-o", name, env=env)
    (tmp_path / "a.json").unlink()

    done = run_program("upload", "--pending", "--url", site.url, env={"XATBACKEND_APIKEY": site.key})

    assert done.returncode == 66
    assert "a.json cannot be read: No such file or directory." in done.stderr
    assert (site.machines(), pending(tmp_path)) == (1, [])


def test_a_setting_of_the_upload_that_is_wrong_is_said_before_it_records(
    run_program: RunProgram, tmp_path: Path
) -> None:
    done = run_program(*RECORDED, env={"UPLOAD_AUTO": "1", "UPLOAD_TIMEOUT": "soon"})

    assert done.returncode == 64
    assert "not a duration" in done.stderr
    assert not (tmp_path / "r.json").exists()


ROTATED = ("collect", "--mode", "local", "--interval", "100ms", "--max-age", "500ms", "--machine-id", "web-1")


def samples_in(*files: Path) -> int:
    return sum(recording.read(file, "web-1").count for file in files)


def test_every_file_of_a_recording_is_uploaded_the_oldest_first(
    run_program: RunProgram, site: Site, tmp_path: Path
) -> None:
    older = run_program(*ROTATED, "--duration", "1500ms", "-o", "r.json.gz")
    before = sorted(tmp_path.glob("r*.json.gz"))
    env = {"UPLOAD_AUTO": "true", "XATBACKEND_URL": site.url, "XATBACKEND_APIKEY": site.key}

    done = run_program(*ROTATED, "--duration", "1500ms", "-o", "r.json.gz", env=env)

    assert (older.returncode, done.returncode) == (0, 0)
    files = sorted(tmp_path.glob("r*.json.gz"))
    assert len(before) >= 3
    # The file that was continued is of both recordings.
    uploaded = len(files) - len(before) + 1
    counts = [int(line.split()[0]) for line in done.stdout.splitlines()]
    assert len(counts) == uploaded
    newest = [tmp_path / "r.json.gz", *(tmp_path / f"r.{number}.json.gz" for number in range(1, uploaded))]
    assert counts == [samples_in(file) for file in reversed(newest)]
    assert pending(tmp_path) == []


def test_files_that_could_not_be_uploaded_are_found_under_the_names_that_they_have_later(
    run_program: RunProgram, site: Site, tmp_path: Path
) -> None:
    env = {"UPLOAD_AUTO": "1", "XATBACKEND_URL": "http://127.0.0.1:9", "XATBACKEND_APIKEY": site.key,
           "UPLOAD_RETRY_MAX": "0"}  # fmt: skip
    away = run_program(*ROTATED, "--duration", "1500ms", "-o", "r.json", env=env)
    first = sorted(path.name for path in tmp_path.glob("r*.json"))
    taken = samples_in(*tmp_path.glob("r*.json"))
    queued = len(pending(tmp_path))
    run_program(*ROTATED, "--duration", "1200ms", "-o", "r.json")

    later = run_program("upload", "--pending", "--url", site.url, env={"XATBACKEND_APIKEY": site.key})

    assert away.returncode == 69
    assert queued == len(first) >= 3
    names = ", ".join(str(tmp_path / f"r.{number}.json") for number in range(len(first) - 1, 0, -1))
    assert away.stderr.splitlines()[-1] == (
        "perfanalysis: http://127.0.0.1:9 cannot be reached: Connection refused. "
        f"The uploads of {names}, {tmp_path}/r.json stay queued: perfanalysis upload --pending sends them."
    )
    assert (later.returncode, pending(tmp_path)) == (0, [])
    # The last of them was continued meanwhile.
    assert sum(int(line.split()[0]) for line in later.stdout.splitlines()) >= taken


def test_what_rotation_removed_before_it_was_uploaded_is_said(
    run_program: RunProgram, site: Site, tmp_path: Path
) -> None:
    env = {"UPLOAD_AUTO": "1", "XATBACKEND_URL": site.url, "XATBACKEND_APIKEY": site.key}

    done = run_program(*ROTATED, "--duration", "2s", "--keep", "1", "-o", "r.json", env=env)

    gone = done.stderr.count("A file of r.json is gone before it was uploaded: keep more with --keep.")
    assert (done.returncode, gone) == (74, gone)
    assert gone >= 1
    # The newest one is empty if it was begun with the last sample.
    assert len(done.stdout.splitlines()) in (1, 2)
    assert done.stderr.splitlines()[-1] == (
        f"perfanalysis: {gone} file{'s' if gone > 1 else ''} of {tmp_path}/r.json went for newer ones before the "
        "upload: keep more with --keep."
    )
    assert pending(tmp_path) == []


def test_what_is_gone_while_it_is_queued_is_said_and_the_others_are_sent(
    run_program: RunProgram, site: Site, tmp_path: Path
) -> None:
    env = {"UPLOAD_AUTO": "1", "XATBACKEND_URL": "http://127.0.0.1:9", "XATBACKEND_APIKEY": site.key,
           "UPLOAD_RETRY_MAX": "0"}  # fmt: skip
    run_program(*ROTATED, "--duration", "1s", "-o", "r.json", env=env)
    queued = len(pending(tmp_path))
    max(tmp_path.glob("r.*.json")).unlink()

    later = run_program("upload", "--pending", "--url", site.url, env={"XATBACKEND_APIKEY": site.key})

    assert later.returncode == 66
    assert re.fullmatch(
        rf"perfanalysis: the file of {tmp_path}/r\.json that begins at \S+Z is gone: rotation \(--keep\) or somebody "
        r"removed it before it was uploaded\.\n",
        later.stderr,
    )
    assert len(later.stdout.splitlines()) == queued - 1
    assert pending(tmp_path) == []


def test_a_note_of_an_older_version_is_understood(run_program: RunProgram, site: Site, tmp_path: Path) -> None:
    run_program(*RECORDED)
    folder = tmp_path / "home/.local/state/perfanalysis/pending"
    folder.mkdir(parents=True)
    note = {"file": str(tmp_path / "r.json"), "machine_id": "web-1", "url": site.url, "tenant": ""}
    (folder / "00000000.json").write_text(json.dumps(note))
    for number, content in enumerate(("{", "[]", '{"file": 1}', json.dumps({**note, "started": "soon"}))):
        (folder / f"1000000{number}.json").write_text(content)

    done = run_program("upload", "--pending", env={"XATBACKEND_APIKEY": site.key})

    assert (done.returncode, len(done.stdout.splitlines()), len(pending(tmp_path))) == (0, 1, 4)
