"""Who is logged in, and how right the clock is."""

import json
import os
import struct
from pathlib import Path

import pytest

from appliance.collect.readings import Readings
from appliance.collect.sources import Source, logins, now_and_then, timex
from appliance.collect.troubles import Troubles
from appliance.hardware_metrics import CLOCK_OFFSET, CLOCK_SYNCHRONISED, SESSIONS, USERS
from appliance.procfs import Value, parsers

USER, DEAD, BOOT = 7, 8, 2


def utmp(kind: int, user: str, record_bytes: int = 384) -> bytes:
    """One record as C has it: kind, process, terminal, id, user, and more."""
    return struct.pack("@hi32s4s32s", kind, 99, b"pts/0", b"ts/0", user.encode()).ljust(record_bytes, b"\1")


@pytest.fixture
def run(proc: Path) -> Path:
    folder = proc.parent / "run"
    folder.mkdir()
    return folder


def test_log_ins_of_utmp_are_counted_and_named_to_nobody(proc: Path, run: Path) -> None:
    record_bytes = logins.RECORD_BYTES.get(os.uname().machine, 384)
    people = [(BOOT, "reboot"), (USER, "alice"), (USER, "bob"), (USER, "alice"), (DEAD, "carol"), (USER, "")]
    (run / "utmp").write_bytes(b"".join(utmp(*each, record_bytes) for each in people))

    text = logins.source(str(proc)).read()

    assert text == '{"users":2,"sessions":3}\n'


def test_records_of_machines_with_wide_times_are_longer() -> None:
    content = utmp(USER, "alice", 400) + utmp(USER, "x" * 32, 400)

    assert list(logins.of_utmp(content, 400)) == ["alice", "x" * 32]
    with pytest.raises(ValueError, match="whole number of records"):
        list(logins.of_utmp(content, 384))


def test_nobody_is_a_number_and_no_utmp_is_none(proc: Path, run: Path) -> None:
    with pytest.raises(FileNotFoundError, match="neither utmp nor a log-in manager"):
        logins.source(str(proc)).read()
    (run / "systemd" / "sessions").mkdir(parents=True)
    with pytest.raises(FileNotFoundError):
        logins.source(str(proc)).read()

    (run / "systemd" / "system").mkdir()

    assert logins.source(str(proc)).read() == '{"users":0,"sessions":0}\n'


def test_sessions_of_systemd_are_those_of_people(proc: Path, run: Path) -> None:
    (run / "systemd" / "system").mkdir(parents=True)
    sessions = run / "systemd" / "sessions"
    sessions.mkdir()
    for name, text in {
        "1": "UID=1000\nUSER=alice\nCLASS=user\nSTATE=active\n",
        "2": "UID=1000\nUSER=alice\nCLASS=user\nSTATE=closing\n",
        "3": "UID=0\nUSER=root\nCLASS=user-early\nSTATE=online\n",
        "c1": "UID=119\nUSER=gdm\nCLASS=greeter\nSTATE=online\n",
        "4": "UID=1000\nUSER=alice\nCLASS=manager\nSTATE=active\n",
        "5": "",
    }.items():
        (sessions / name).write_text(text)
        os.mkfifo(sessions / f"{name}.ref")

    assert logins.source(str(proc)).read() == '{"users":2,"sessions":2}\n'


def test_log_ins_are_metrics() -> None:
    known = parsers.find("logins[*]")
    assert known is not None

    assert list(known[1]('{"users":2,"sessions":3,"later":1}\n')) == [Value(USERS, "", 2), Value(SESSIONS, "", 3)]


def test_the_clock_of_this_machine_is_as_the_kernel_says() -> None:
    text = timex.source("/proc").read()

    assert isinstance(text, str)
    record = json.loads(text)
    state, raw = timex.adjtimex()
    assert list(record) == ["synchronised", "offset_ns", "most_error_us", "estimated_error_us"]
    assert record["synchronised"] <= (state != timex.CLOCK_ERROR)
    # tick, the tenth of the words after the status: some 10,000 microseconds on every machine.
    assert 9_000 <= struct.unpack_from("@I4li3l2ll", raw)[-1] <= 11_000


@pytest.mark.parametrize(
    ("state", "status", "offset", "synchronised", "nanoseconds"),
    [
        (0, 0x2001, -250_000, 1, -250_000),
        (0, 0x0001, -250, 1, -250_000),
        (5, 0x0040, 0, 0, 0),
        (0, 0x2040, 7, 0, 7),
        (5, 0x2001, 7, 0, 7),
    ],
)
def test_what_the_kernel_says_of_the_clock_has_one_unit(
    monkeypatch: pytest.MonkeyPatch, state: int, status: int, offset: int, synchronised: int, nanoseconds: int
) -> None:
    """A test cannot have the clock of the machine that it runs on put right."""
    raw = timex.TIMEX.pack(0, offset, 0, 16_000_000, 500, status).ljust(timex.TIMEX_BYTES, b"\0")
    monkeypatch.setattr(timex, "adjtimex", lambda: (state, raw))
    known = parsers.find("timex[*]")
    assert known is not None

    values = {value.metric: value.number for value in known[1](timex.read())}

    assert (values[CLOCK_SYNCHRONISED], values[CLOCK_OFFSET]) == (synchronised, nanoseconds)


def test_a_source_that_failed_is_not_there_again_before_it_was_read() -> None:
    now, answers = [0.0], iter([OSError(5, "Input/output error"), "text"])

    def read() -> str:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    troubles = Troubles()
    readings = Readings([now_and_then(Source("x", read), 10, lambda: now[0])], troubles, {})
    failing = []
    for now[0] in (0.0, 1.0, 9.0, 10.0):
        readings.begin("")
        readings.read()
        failing.append(dict(troubles.failing))

    assert failing == [{"x": "Input/output error"}] * 3 + [{}]
    assert troubles.counts == {"x": 1}
