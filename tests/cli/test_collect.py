"""`collect` (= pcc) as a person runs it: files, signals, settings, and a sentence for what is wrong."""

import gzip
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.formats import recording
from appliance.samples import Parsed
from appliance.store import history
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore

RunProgram = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]
FAST = ("--interval", "100ms")
"""On a busy machine a tick of these may come too late: how many samples there are is for the program to say."""


def default_signals() -> None:
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Start the program and go on; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: object, **settings: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "appliance", *map(str, arguments)],
            env={**environment, **settings},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Who runs the tests under nohup or in the background of a shell ignores some, and children inherit that.
            preexec_fn=default_signals,  # noqa: PLW1509 - no thread is there that could hold a lock
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def read_whole(path: Path) -> Parsed:
    """Read a recording that must have no fault."""
    parsed = recording.read(path)
    assert parsed.warnings == []
    return parsed


def test_a_duration_has_a_sample_at_both_ends(run_program: RunProgram, tmp_path: Path) -> None:
    done = run_program("collect", "--duration", "2s", "--interval", "1s", "-o", "r.json")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "3 samples in r.json.\n")
    parsed = read_whole(tmp_path / "r.json")
    times = sorted({at for part in parsed.samples for at in part.at_ms.tolist()})
    assert [at - times[0] for at in times] == [0, 1000, 2000]
    assert times[0] % 1000 == 0


def test_the_settings_of_the_original_are_enough(run_program: RunProgram, tmp_path: Path) -> None:
    settings = {
        "PCC_MODE": "local", "PCC_DURATION": "300ms", "PCC_FREQUENCY": "100ms", "PCC_COLLECTION": "env.json",
        "PCC_IDENTIFIER": "web-1", "PCC_MACHINE_NAME": "Shop", "PCC_LOGLEVEL": "INFO",
    }  # fmt: skip

    done = run_program("collect", env=settings)

    assert done.returncode == 0
    meta = read_whole(tmp_path / "env.json").facts["meta"]
    assert (meta["machine_id"], meta["machine_name"], meta["interval_seconds"]) == ("web-1", "Shop", 0.1)


def test_an_option_beats_the_environment(run_program: RunProgram, tmp_path: Path) -> None:
    run_program(
        "collect", "--duration", "100ms", *FAST, "-o", "option.json", "--machine-id", "db-1",
        env={"PCC_COLLECTION": "env.json", "PCC_IDENTIFIER": "web-1", "PCC_DURATION": "1h"},
    )  # fmt: skip

    assert not (tmp_path / "env.json").exists()
    assert read_whole(tmp_path / "option.json").facts["meta"]["machine_id"] == "db-1"


def test_without_a_file_the_recording_is_named_after_the_host(run_program: RunProgram, tmp_path: Path) -> None:
    run_program("collect", "--duration", "100ms", *FAST)

    assert read_whole(tmp_path / f"pcc-{os.uname().nodename}.json").count >= 1


def test_once_is_one_sample_on_standard_output(run_program: RunProgram) -> None:
    done = run_program("collect", "--once")

    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["subsystem"] for record in records[:3]] == ["perfanalysis[meta]", "/proc/cpuinfo", "/proc/stat"]
    assert len({record["timestamp"] for record in records}) == 1


def test_the_first_sample_is_there_within_a_second(start: Start, tmp_path: Path) -> None:
    process = start("collect", "--interval", "1h", "-o", "r.json")

    until(lambda: lines(tmp_path / "r.json") > 5, 5)

    process.terminate()
    assert process.wait(5) == 0


def test_a_recorder_that_is_stopped_and_continued_goes_on(start: Start, tmp_path: Path) -> None:
    process = start("collect", "--interval", "100ms", "--duration", "4s", "-o", "r.json")
    until(lambda: lines(tmp_path / "r.json") > 5, 5)

    process.send_signal(signal.SIGSTOP)
    time.sleep(0.5)
    process.send_signal(signal.SIGCONT)
    _, said = process.communicate(timeout=20)

    assert process.returncode == 0
    recorded = read_whole(tmp_path / "r.json").count
    assert 20 < recorded < 41
    assert f"{recorded} samples ({41 - recorded} came too late and were skipped)" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("name", ["r.json", "r.json.gz"])
def test_a_signal_ends_it_well_and_every_sample_is_whole(start: Start, tmp_path: Path, name: str, number: int) -> None:
    path = tmp_path / name
    process = start("collect", "--interval", "10ms", "-o", name)
    until(lambda: path.exists() and path.stat().st_size > (20_000 if name == "r.json" else 1000))

    process.send_signal(number)
    _, said = process.communicate(timeout=10)

    assert process.returncode == 0
    samples = read_whole(path).count
    assert f"{samples} sample" in said
    content = gzip.decompress(path.read_bytes()) if name.endswith("gz") else path.read_bytes()
    assert content.endswith(b"\n")
    counted = [record["subsystem"] for record in map(json.loads, content.splitlines())]
    assert counted.count("/proc/stat") == counted.count("/proc/uptime") == samples


@pytest.mark.parametrize("name", ["r.json", "r.json.gz"])
def test_what_a_killed_recorder_left_is_continued(
    start: Start, run_program: RunProgram, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    process = start("collect", "--interval", "10ms", "-o", name)
    until(lambda: path.exists() and path.stat().st_size > 1000)
    process.kill()
    process.wait()
    if name == "r.json":
        with path.open("rb+") as file:
            file.truncate(path.stat().st_size - 7)

    done = run_program("collect", "--duration", "300ms", *FAST, "-o", name)

    assert done.returncode == 0
    parsed = read_whole(path)
    assert len({part.run for part in parsed.samples}) == 2


def test_two_recorders_do_not_share_a_file(start: Start, run_program: RunProgram, tmp_path: Path) -> None:
    start("collect", *FAST, "-o", "r.json")
    until(lambda: lines(tmp_path / "r.json") > 5)

    done = run_program("collect", "--duration", "1s", "-o", "r.json")

    assert done.returncode == 73
    assert done.stderr == ("perfanalysis: r.json is being written by another recorder: name another file.\n")


def test_nohup_goes_on_when_the_terminal_is_gone(tmp_path: Path, environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        ["nohup", sys.executable, "-m", "appliance", "collect", *FAST, "-o", "r.json"],
        env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: lines(tmp_path / "r.json") > 5)

    process.send_signal(signal.SIGHUP)
    before = lines(tmp_path / "r.json")
    until(lambda: lines(tmp_path / "r.json") > before + 20)

    process.terminate()
    assert process.wait(5) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--interval", "0"], 64, "'--interval' / '--frequency': the shortest interval is 10ms."),
        (["--interval", "1500ms"], 64, "above one second it is whole seconds"),
        (["--interval", "soon"], 64, "'soon' is not a duration"),
        (["--duration", "-5s"], 64, "'--duration': '-5s' is not a duration"),
        (["--mode", "both"], 64, "'--mode'"),
        (["--procfs", "nowhere"], 64, "'--procfs': Directory 'nowhere' does not exist."),
        (["--batch", "0"], 64, "'--batch'"),
        (["--log-level", "loud"], 64, "'loud' is none of"),
        (["--mode", "trickle"], 64, "name it with --server URL"),
        (["--mode", "trickle", "--server", "http://127.0.0.1:1"], 64, "set PCC_APIKEY"),
        (["--server", "web-1", "--key-file", "key"], 64, "'web-1' is not the address of a receiver"),
        (["--machine-id", "../x"], 65, "'../x' is not a machine id"),
        (["--machine-id", "x" * 65], 65, "is not a machine id"),
        (["-o", "notes.txt"], 65, "notes.txt holds something else than a recording"),
        (["-o", "nowhere/r.json"], 74, "nowhere/r.json cannot be written: No such file or directory."),
        (["-o", "/dev/full"], 74, "/dev/full cannot be written: No space left on device."),
        (["--key-file", "nowhere"], 66, "the key file nowhere cannot be read: No such file or directory."),
        (["--key-file", "open"], 77, "may be read by others: chmod 600 open"),
        (["--key-file", "empty"], 78, "the key file empty is empty"),
        (["--key-file", "poem"], 78, "the key is not one"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence_and_an_exit_code(
    run_program: RunProgram, tmp_path: Path, arguments: list[str], code: int, sentence: str
) -> None:
    for name, text, mode in (
        ("notes.txt", "a note\n", 0o644), ("key", "secret", 0o600), ("open", "secret", 0o640), ("empty", "\n", 0o600),
        ("poem", "roses are red\nviolets", 0o600),
    ):  # fmt: skip
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)

    done = run_program("collect", "--duration", "100ms", *FAST, *arguments)

    assert done.returncode == code
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "secret" not in done.stderr


@pytest.fixture
def receiver(start: Start, data: Path) -> tuple[str, str]:
    """A real receiver: its address, and a key for it."""
    registry = Registry(data)
    registry.create_tenant("team-a")
    key = registry.create_key("team-a")
    registry.close()
    process = start("serve", "--listen", "127.0.0.1:0", "--data", data)
    assert process.stdout is not None
    address = re.search(r"http://[0-9.:]+", process.stdout.readline())
    assert address is not None
    return address[0], key


def test_server_and_key_make_it_send_and_everything_is_stored(
    run_program: RunProgram, receiver: tuple[str, str], data: Path
) -> None:
    url, key = receiver

    done = run_program(
        "collect", "--duration", "1s", *FAST, "--batch", "4",
        env={"PCC_SERVER_URL": url, "PCC_APIKEY": key, "PCC_IDENTIFIER": "web-1"},
    )  # fmt: skip

    assert done.returncode == 0
    # A busy machine may say before that a tick came too late.
    samples = re.search(r"^(\d+) samples.*, all stored by (\S+)\.$", done.stderr, re.MULTILINE)
    assert samples is not None
    assert samples[2] == url
    with TenantStore(data, "team-a", read_only=True) as store:
        assert history.machine(store, "web-1").samples == int(samples[1]) > 4
        assert history.facts(store, "web-1")["meta"]["interval_seconds"] == 0.1


def test_a_key_may_come_from_a_file_of_ones_own(
    run_program: RunProgram, receiver: tuple[str, str], tmp_path: Path
) -> None:
    url, key = receiver
    (tmp_path / "key").write_text(key + "\n")
    (tmp_path / "key").chmod(0o600)

    done = run_program("collect", "--duration", "100ms", *FAST, "--server", url, "--key-file", "key")

    assert done.returncode == 0
    assert f"all stored by {url}." in done.stderr


def test_a_key_that_is_not_accepted_is_said_and_the_samples_are_sent_with_a_better_one(
    run_program: RunProgram, receiver: tuple[str, str], data: Path
) -> None:
    url, key = receiver
    asked = ("collect", "--duration", "300ms", *FAST, "--server", url, "--machine-id", "web-1")

    wrong = run_program(*asked, env={"PCC_APIKEY": "pa1_wrong"})
    right = run_program(*asked, env={"PCC_APIKEY": key})

    assert (wrong.returncode, right.returncode) == (77, 0)
    last = wrong.stderr.splitlines()[-1]
    found = re.fullmatch(
        rf"perfanalysis: (\d+) samples are not stored \({url}: it answers 401: The API key is missing or not valid\)\. "
        r"They wait in (/\S+) and go with the next collect\.",
        last,
    )
    assert found is not None
    assert "pa1_wrong" not in wrong.stderr
    assert ".." not in wrong.stderr
    with TenantStore(data, "team-a", read_only=True) as store:
        sent = re.search(r"^(\d+) samples", right.stderr, re.MULTILINE)
        assert sent is not None
        first, second = int(found[1]), int(sent[1])
        assert history.machine(store, "web-1").samples == first + second
    # What was sent is kept for a day, and nothing waits.
    spool = Path(found[2])
    assert not list(spool.glob("*.jsonl"))
    assert [path.suffix for path in (spool / "sent").iterdir()].count(".batches") == 1


def test_a_receiver_that_is_away_at_the_end_is_not_waited_for_after_a_second_signal(start: Start) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        process = start("collect", *FAST, "--server", url, "--batch-wait", "100ms", PCC_APIKEY="secret")
        time.sleep(1)
        process.terminate()
        time.sleep(0.5)
        process.terminate()

        _, said = process.communicate(timeout=5)

    assert process.returncode == 69
    assert re.search(
        r"\d+ samples are not stored \(\S+: it cannot be reached: Connection refused\)\. They wait in /", said
    )


def test_the_key_is_nowhere_to_be_seen(start: Start, receiver: tuple[str, str], tmp_path: Path) -> None:
    url, key = receiver
    process = start(
        "collect", *FAST, "--server", url, "--log-level", "debug", "--metrics-file", "x.prom", PCC_APIKEY=key
    )
    until = time.monotonic() + 30
    while not any(path.is_file() for path in (tmp_path / "home").rglob("*")) and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(1)

    arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    written = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    found = []
    for path in [*written, tmp_path / "m"]:
        # Some are replaced, or sent, meanwhile.
        with suppress(FileNotFoundError):
            found += [path] * (key.encode() in path.read_bytes())
    process.terminate()
    _, said = process.communicate(timeout=10)

    assert written
    assert found == []
    assert key.encode() not in arguments
    assert key not in said


def test_a_key_that_cannot_be_read_does_not_stop_the_recording(
    run_program: RunProgram, receiver: tuple[str, str], tmp_path: Path
) -> None:
    url, _ = receiver

    done = run_program("collect", "--duration", "200ms", *FAST, "--server", url, "--key-file", "absent")

    assert done.returncode == 66
    assert re.search(
        r"perfanalysis: \d samples are not stored \(the key file absent cannot be read: No such file or directory\)\. "
        r"They wait in /\S+ and go with the next collect\.\n$",
        done.stderr,
    )


def test_a_service_has_its_key_and_its_state_from_systemd(
    run_program: RunProgram, receiver: tuple[str, str], tmp_path: Path
) -> None:
    url, key = receiver
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "apikey").write_text(key)
    (tmp_path / "credentials" / "apikey").chmod(0o440)
    settings = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"), "STATE_DIRECTORY": f"{tmp_path}/state:/other"}

    done = run_program("collect", "--duration", "200ms", *FAST, "--server", url, env=settings)

    assert done.returncode == 0
    assert f"all stored by {url}." in done.stderr
    assert (tmp_path / "state").is_dir()
    assert not (tmp_path / "home" / ".local").exists()


def test_two_collectors_do_not_share_a_spool(
    start: Start, run_program: RunProgram, receiver: tuple[str, str], tmp_path: Path
) -> None:
    url, key = receiver
    start("collect", *FAST, "--server", url, "--spool", "spool", PCC_APIKEY=key)
    until((tmp_path / "spool" / "LOCK").exists)

    done = run_program("collect", *FAST, "--server", url, "--spool", "spool", env={"PCC_APIKEY": key})

    assert done.returncode == 73
    assert done.stderr == (
        "perfanalysis: the spool spool is in use by another collector: name another one with --spool.\n"
    )


def test_without_a_place_for_the_spool_memory_has_to_do(
    run_program: RunProgram, receiver: tuple[str, str], tmp_path: Path
) -> None:
    url, key = receiver
    (tmp_path / "file").write_text("")

    done = run_program(
        "collect", "--duration", "200ms", *FAST, "--server", url, "--spool", "file/spool", env={"PCC_APIKEY": key}
    )

    assert done.returncode == 0
    assert "ERROR the spool file/spool cannot be used: Not a directory. Samples wait in memory" in done.stderr
    assert f"all stored by {url}." in done.stderr


def test_who_is_strict_does_not_record_what_can_only_wait_in_memory(run_program: RunProgram, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    done = run_program("collect", "--duration", "200ms", *FAST, "--strict", "--server", "http://127.0.0.1:9", "--spool",
                       "file/spool", env={"PCC_APIKEY": "key"})  # fmt: skip

    assert (done.returncode, done.stdout) == (73, "")
    assert done.stderr == "perfanalysis: the spool file/spool cannot be used: Not a directory.\n"


@pytest.mark.parametrize(("strict", "code"), [(["--strict"], 74), ([], 0)])
def test_who_is_strict_ends_with_a_code_if_samples_waited_in_memory(
    start: Start, receiver: tuple[str, str], tmp_path: Path, strict: list[str], code: int
) -> None:
    url, key = receiver
    process = start("collect", *FAST, *strict, "--server", url, "--batch-wait", "1h", "--spool", "spool",
                    PCC_APIKEY=key)  # fmt: skip
    deadline = time.monotonic() + 20
    while not list((tmp_path / "spool").glob("*.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # No file of it may become any larger for a time.
    usual = resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    time.sleep(0.5)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, usual)
    process.terminate()

    _, said = process.communicate(timeout=40)

    assert "The spool spool cannot be written: File too large." in said
    assert f"all stored by {url}." in said
    assert process.returncode == code


def test_a_key_that_others_can_read_on_the_way_is_said_once(start: Start) -> None:
    process = start("collect", *FAST, "--server", "http://receiver.invalid", "--batch-wait", "100ms", PCC_APIKEY="key")
    time.sleep(1)
    process.terminate()
    time.sleep(0.5)
    process.terminate()

    _, said = process.communicate(timeout=10)

    assert said.count("go to http://receiver.invalid without encryption: use https.") == 1
    assert process.returncode == 69


def test_no_heavy_package_is_loaded_while_it_records(environment: dict[str, str], tmp_path: Path) -> None:
    heavy = {"numpy", "pandas", "matplotlib", "peewee", "bottle", "waitress", "jinja2", "http.client", "ssl", "asyncio"}
    program = (
        "import sys, contextlib\n"
        "from appliance.cli import run_command\n"
        "run_command(['collect', '--duration', '100ms', '--interval', '100ms', '-o', 'r.json.gz'], 'pcc')\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"


def test_a_source_is_recorded_when_it_is_named(run_program: RunProgram) -> None:
    plain, named = (run_program("collect", "--once", *options).stdout for options in ([], ["--source", "interrupts"]))

    assert "/proc/interrupts" not in plain
    assert "/proc/interrupts" in named


def test_a_full_disk_costs_the_samples_that_found_no_room_and_says_so(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """A limit of the size of files is met as the end of a disk is."""
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 40; exec "$0" -m appliance collect --duration 2s --interval 100ms -o r.json',
         sys.executable],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip

    *_, said, sentence = done.stderr.splitlines()
    assert done.returncode == 74
    samples = read_whole(tmp_path / "r.json").count
    assert said.startswith(f"{samples} samples")
    assert 0 < samples < 21
    assert re.search(r"\d+ samples were lost: r\.json could not be written for a time\.$", sentence)


def test_a_recording_rotates_and_every_file_of_it_is_whole(run_program: RunProgram, tmp_path: Path) -> None:
    done = run_program("collect", "--duration", "1s", *FAST, "--max-age", "300ms", "--keep", "9", "-o", "r.json.gz")

    assert done.returncode == 0
    files = sorted(tmp_path.glob("r*.json.gz"))
    assert len(files) > 2
    # On a busy machine, ticks that came too late are told before.
    assert sum(read_whole(path).count for path in files) == int(done.stderr.splitlines()[-1].split()[0])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--max-size", "10kB"], "the smallest size is 1MB"),
        (["--max-size", "many"], "'many' is not a size"),
        (["--flush", "often"], "'often' is not a duration"),
        (["--source", "unheard-of"], "'unheard-of' is not one of"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(run_program: RunProgram, arguments: list[str], sentence: str) -> None:
    done = run_program("collect", "-o", "r.json", *arguments)

    assert done.returncode == 64
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
