"""The biggest processes: who they are, what they used, and that a crowd costs no more than a few hundred do."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from people import KERNEL_THREAD, People, seconds

from appliance.collect.sources import NOT_NOW, Source, processes
from appliance.collect.users import Users

PAGE = os.sysconf("SC_PAGE_SIZE") // 1024


@pytest.fixture
def people(tmp_path: Path) -> People:
    return People(tmp_path / "proc")


@pytest.fixture
def source(people: People) -> Source:
    return processes.source(str(people.root), monotonic=seconds())


def look(source: Source) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    """Return the counts and the processes of one look, by pid."""
    text = source.read()
    assert text is not None
    counts, *rows = [json.loads(line) for line in text.splitlines()]
    return counts, {row["pid"]: row for row in rows}


def test_a_process_is_named_and_what_it_used_is_that_of_the_interval(people: People) -> None:
    source = processes.source(str(people.root), monotonic=seconds(5))
    people.be(
        7,
        "worker",
        cpu=1000,
        pages=50,
        faults=3,
        threads=4,
        io=(4096, 0),
        cgroup="0::/system.slice/app.service\n",
        swap=12,
        switches=(100, 7),
    )
    _, before = look(source)
    people.be(
        7,
        "worker",
        cpu=1070,
        pages=60,
        faults=5,
        threads=5,
        io=(12288, 512),
        cgroup="0::/system.slice/app.service\n",
        swap=4,
        files=5,
        switches=(130, 8),
    )

    _, after = look(source)

    assert before[7] == {
        "pid": 7, "start": 500, "name": "worker", "user": own_name(), "unit": "app.service",
        "is": ["S", 4, 50 * PAGE], "has": [12, 3],
    }  # fmt: skip
    assert after[7] == {
        **before[7], "is": ["S", 5, 60 * PAGE], "has": [4, 5], "used": [70, 8192, 512, 2], "switched": [30, 1],
    }  # fmt: skip


def own_name() -> str:
    users = Users()
    users.refresh()
    return users.name(os.getuid())


def test_ten_of_each_kind_are_recorded_and_no_more(people: People, source: Source) -> None:
    for pid in range(100, 160):
        people.be(pid, pages=pid, cpu=0)
    look(source)
    for pid in range(100, 160):
        # The biggest by CPU have low pids, by memory high ones; by reads and writes those between.
        people.be(pid, pages=pid, cpu=200 - pid if pid < 120 else 1, io=(pid if 120 <= pid < 140 else 0, 0))

    _, rows = look(source)

    assert sorted(rows) == [*range(100, 110), *range(130, 140), *range(150, 160)]


def test_those_that_used_nothing_are_not_the_biggest_users(people: People, source: Source) -> None:
    for pid in range(1, 31):
        people.be(pid, pages=0)
    people.be(31, pages=0)
    look(source)
    people.be(31, pages=0, cpu=1)

    _, rows = look(source)

    assert list(rows) == [31]


def test_a_process_that_is_new_used_all_it_has(people: People, source: Source) -> None:
    people.be(7)
    look(source)
    people.be(8, "burst", cpu=90, io=(0, 4096))

    _, rows = look(source)

    assert rows[8]["used"] == [90, 0, 4096]


def test_a_pid_that_is_used_again_is_another_process(people: People, source: Source) -> None:
    people.be(7, "old", cpu=5000, start=500, io=(9999, 9999))
    look(source)
    people.be(7, "new", cpu=20, start=900, io=(100, 0))

    _, rows = look(source)

    assert (rows[7]["name"], rows[7]["start"], rows[7]["used"]) == ("new", 900, [20, 100])


def test_io_that_may_not_be_read_is_not_collected_and_never_zero(people: People, source: Source) -> None:
    people.be(7, io=None)
    look(source)
    people.be(7, cpu=5, io=None)

    _, rows = look(source)

    assert rows[7]["used"] == [5, None, None]


def test_io_that_may_be_read_again_comes_back_by_itself(people: People, source: Source) -> None:
    people.be(7, io=(100, 0))
    look(source)
    (people.root / "7" / "io").unlink()
    people.be(7, cpu=1, io=None)
    _, without = look(source)
    people.be(7, cpu=2, io=(300, 0))

    _, rows = look(source)

    assert without[7]["used"] == [1, None, None]
    assert (rows[7]["used"], rows[7]["io_over"]) == ([1, 200], 2)


def test_what_may_not_be_known_of_a_big_one_is_null_and_never_zero(people: People) -> None:
    source = processes.source(str(people.root), monotonic=seconds(5))
    people.be(7, swap=None, files=None, switches=None)
    people.be(8)
    look(source)
    people.be(7, cpu=1, swap=None, files=None, switches=None)
    people.be(8, cpu=1, switches=(4, 0))
    (people.root / "8" / "fd").rename(people.root / "8" / "hidden")

    _, rows = look(source)

    assert (rows[7]["has"], rows[7]["switched"]) == ([None, None], [None, None])
    assert (rows[8]["has"], rows[8]["switched"]) == ([0, None], [4, 0])


def test_odd_text_costs_its_own_numbers(people: People, source: Source) -> None:
    people.be(7)
    (people.root / "7" / "status").write_text("Name:\tx\nFDSize:\nVmSwap:\tmuch\nvoluntary_ctxt_switches:")

    _, rows = look(source)

    assert rows[7]["has"] == [None, None]


def test_only_the_biggest_that_did_something_are_asked_what_costs_more(people: People) -> None:
    source = processes.source(str(people.root), monotonic=seconds(5))
    for pid in range(1, 31):
        people.be(pid, pages=pid)
    files = {pid: (people.root / str(pid) / "status") for pid in range(1, 31)}

    def asked() -> set[int]:
        look(source)
        read = {pid for pid, file in files.items() if file.stat().st_atime > 0}
        for file in files.values():
            os.utime(file, (0, 0))
        return read

    if not asked():
        pytest.skip("this file system does not say when a file was read")
    people.be(25, pages=25, cpu=1)
    people.be(5, pages=5, cpu=1)
    people.be(26, pages=26)
    for pid in (25, 5, 26):
        os.utime(files[pid], (0, 0))

    assert asked() == {25, 5}
    assert asked() == set()


def test_the_biggest_are_asked_every_five_seconds(people: People, source: Source) -> None:
    told = []
    for number in range(1, 22):
        people.be(7, cpu=number, switches=(10 * number, 0))
        told.append(look(source)[1][7])

    switched = [(number, row["switched"], row["switched_over"]) for number, row in enumerate(told) if "switched" in row]
    # At first nobody knows since when.
    assert switched == [(2, [20, 0], 2), (7, [50, 0], 5), (12, [50, 0], 5), (17, [50, 0], 5)]
    assert all(row["has"] == [0, 3] for row in told)


def test_switches_of_one_that_was_not_big_for_long_are_not_known(people: People) -> None:
    source = processes.source(str(people.root), monotonic=seconds(5))
    people.be(7, pages=0, switches=(10, 0))
    looks = [look(source)]
    for cpu, switches in ((5, 20), (9, 25), (12, 28)):
        people.be(7, pages=0, cpu=cpu, switches=(switches, 0))
        looks.append(look(source))
    looks += [look(source) for _ in range(70)]
    for cpu, switches in ((15, 900), (19, 905)):
        people.be(7, pages=0, cpu=cpu, switches=(switches, 0))
        looks.append(look(source))

    assert [rows[7].get("switched") for _, rows in looks if 7 in rows] == [None, [5, 0], [3, 0], None, [5, 0]]


def test_a_process_that_vanishes_costs_itself_only(people: People, source: Source) -> None:
    for pid in (7, 8, 9):
        people.be(pid)
    look(source)
    people.go(8)
    # Listed, and gone when it is looked at.
    (people.root / "9" / "stat").unlink()

    counts, rows = look(source)

    assert list(rows) == [7]
    assert counts["processes"] == 1


def test_names_hold_any_byte(people: People, source: Source) -> None:
    names: list[bytes] = [
        b"a) S 1 (b",
        b"two words",
        b"new\nline",
        b"tab\t",
        b"\xff\xfe",
        "é😀".encode(),
        b'"q"\\',
        b"",
        b"(sd-pam)",
    ]
    for pid, name in enumerate(names, 1):
        people.be(pid, name, cpu=pid)

    counts, rows = look(source)

    assert [row["name"] for row in rows.values()] == [
        "a) S 1 (b", "two words", "new\nline", "tab\t", "\\xff\\xfe", "é😀", '"q"\\', "", "(sd-pam)"
    ]  # fmt: skip
    assert counts["states"] == {"S": len(names)}


def test_zombies_are_counted_and_hold_nothing(people: People, source: Source) -> None:
    people.be(7, state="Z", pages=0, threads=1, io=None)
    people.be(8, state="D", threads=6)
    people.be(9, state="R")

    counts, rows = look(source)

    assert counts["states"] == {"D": 1, "R": 1, "Z": 1}
    assert counts["threads"] == 8
    assert 7 not in rows


def test_threads_of_the_kernel_are_marked_and_looked_at_in_turns(people: People, source: Source) -> None:
    people.be(2, "kthreadd", flags=KERNEL_THREAD, pages=0)
    people.be(7, "app")
    look(source)
    for _ in range(12):
        look(source)
    asleep = look(source)[0]["not_looked_at"]
    people.be(2, "kworker/0:1-events", flags=KERNEL_THREAD, pages=0, cpu=30)

    found = [rows[2] for _, rows in (look(source) for _ in range(10)) if 2 in rows]

    assert asleep == 1
    assert len(found) == 1
    assert (found[0]["kernel"], found[0]["used"]) == (1, [30])
    assert found[0]["over"] <= 10


def test_who_may_not_be_looked_at_is_counted(people: People, source: Source) -> None:
    people.be(7)
    people.be(8)
    (people.root / "8" / "stat").unlink()
    # As hidepid=1 has it: listed, and every file in it refused.
    (people.root / "8" / "stat").mkdir()

    counts, rows = look(source)

    assert (counts["processes"], counts["not_looked_at"]) == (2, 1)
    assert list(rows) == [7]


def test_the_container_of_a_process_is_told(people: People, source: Source) -> None:
    container = "ab" * 32
    people.be(7, cgroup=f"0::/system.slice/docker-{container}.scope\n")
    people.be(8, cgroup="0::/user.slice/user-1000.slice/session-3.scope\n")

    _, rows = look(source)

    assert rows[7]["container"] == "docker/abababababab"
    assert rows[8]["unit"] == "user.slice"


def test_arguments_are_recorded_only_if_they_are_wanted_and_without_secrets(people: People) -> None:
    people.be(7, "mysql", arguments=b"/usr/bin/mysql\0--password\0hunter2\0-h\0db\0")
    silent = processes.source(str(people.root), monotonic=seconds())
    telling = processes.source(str(people.root), arguments=True, monotonic=seconds())

    text = silent.read()
    _, rows = look(telling)

    assert text is not None
    assert "args" not in text
    assert "-h" not in text
    assert rows[7]["args"] == "/usr/bin/mysql --password *** -h db"


def test_a_program_that_starts_another_one_gets_its_name(people: People, source: Source) -> None:
    people.be(7, "sh")
    look(source)
    people.be(7, "app", cpu=1)

    _, rows = look(source)

    assert rows[7]["name"] == "app"


def test_what_a_machine_can_hold_is_told(people: People, source: Source) -> None:
    (people.root / "sys" / "kernel").mkdir(parents=True)
    (people.root / "sys" / "kernel" / "pid_max").write_text("4194304\n")
    people.be(7)

    counts, _ = look(source)

    assert counts["pid_max"] == 4194304
    assert "threads_max" not in counts


def test_nobody_is_new_while_no_pid_was_given_out(people: People, source: Source) -> None:
    (people.root / "loadavg").write_text("0.06 0.09 0.03 1/79 7\n")
    people.be(7)
    look(source)
    people.be(8)
    unseen = look(source)[0]["processes"]
    (people.root / "loadavg").write_text("0.06 0.09 0.03 1/79 8\n")

    seen = look(source)[0]["processes"]

    assert (unseen, seen) == (1, 2)


def test_below_a_second_processes_are_looked_at_once_a_second(people: People) -> None:
    people.be(7)
    source = processes.source(str(people.root), monotonic=seconds(0.25))

    texts = [source.read() for _ in range(9)]

    assert [at for at, text in enumerate(texts) if text != NOT_NOW] == [0, 4, 8]


def test_where_time_is_short_who_has_slept_for_a_minute_is_looked_at_in_turns(people: People) -> None:
    for pid in range(1, 41):
        people.be(pid, pages=pid)
    crowd = processes.Crowd(str(people.root), False, Users())
    for _ in range(70):
        crowd.sample(100)
    looks = [looked_at(crowd) for _ in range(3) if crowd.sample(100)]
    people.be(5, pages=5, cpu=60)
    rows = [row for _ in range(3) for row in crowd.sample(100).splitlines() if '"pid":5,' in row]

    # The ten biggest are, each time.
    assert all(len(look) < 25 and look >= set(range(31, 41)) for look in looks)
    assert set.union(*looks) == set(range(1, 41))
    assert json.loads(rows[0])["used"] == [60]
    crowd.sample(1000)
    assert len(looked_at(crowd)) == 40


@pytest.fixture
def crowd(people: People, monkeypatch: pytest.MonkeyPatch) -> processes.Crowd:
    """More processes than are looked at each time: 100, of which 20 are."""
    for pid in range(1, 101):
        people.be(pid, pages=pid)
    crowd = processes.Crowd(str(people.root), False, Users())
    crowd.sample(1000)
    return crowd


def looked_at(crowd: processes.Crowd) -> set[int]:
    return {process.pid for process in crowd.known.values() if process.looked == crowd.number}


def test_of_a_crowd_as_many_are_looked_at_as_there_is_time_for(crowd: processes.Crowd) -> None:
    text = crowd.sample(20)

    assert len(looked_at(crowd)) == 20
    assert json.loads(text.splitlines()[0])["not_looked_at"] == 80


def test_of_a_crowd_everybody_has_his_turn(crowd: processes.Crowd) -> None:
    seen: set[int] = set()
    for _ in range(12):
        crowd.sample(20)
        seen |= looked_at(crowd)

    assert len(seen) == 100


def test_of_a_crowd_those_that_are_awake_and_the_biggest_are_looked_at_each_time(
    people: People, crowd: processes.Crowd
) -> None:
    for cpu in range(1, 30):
        people.be(3, pages=3, cpu=cpu)
        crowd.sample(20)
    people.be(3, pages=3, cpu=50)

    text = crowd.sample(20)

    row = next(json.loads(line) for line in text.splitlines()[1:] if '"pid":3,' in line)
    assert row["used"] == [21]
    assert "over" not in row
    assert looked_at(crowd) >= {3, *range(91, 101)}


def test_of_a_crowd_one_that_begins_is_looked_at_at_once(people: People, crowd: processes.Crowd) -> None:
    people.be(999, "burst", cpu=80)

    text = crowd.sample(20)

    assert '"name":"burst"' in text


def test_of_a_crowd_that_is_all_awake_everybody_still_has_his_turn(people: People, crowd: processes.Crowd) -> None:
    seen: set[int] = set()
    for cpu in range(1, 40):
        for pid in range(1, 101):
            people.be(pid, pages=pid, cpu=cpu)
        crowd.sample(20)
        seen |= looked_at(crowd)

    assert len(seen) == 100


def test_what_one_used_while_nobody_looked_is_said_to_be_of_so_many_intervals(
    people: People, crowd: processes.Crowd
) -> None:
    for _ in range(3):
        crowd.sample(20)
    people.be(50, pages=50, cpu=400)
    rows: list[dict[str, Any]] = []
    while not rows:
        text = crowd.sample(20)
        rows = [json.loads(line) for line in text.splitlines()[1:] if '"pid":50,' in line]

    assert rows[0]["used"] == [400]
    assert rows[0]["over"] > 1


def test_a_user_who_is_not_in_the_file_is_a_number(tmp_path: Path) -> None:
    passwd = tmp_path / "passwd"
    passwd.write_text("root:x:0:0::/root:/bin/sh\nbroken\nalice:x:1000:1000::/:/bin/sh\n")
    users = Users(str(passwd))
    users.refresh()

    assert [users.name(number) for number in (0, 1000, 1001)] == ["root", "alice", "1001"]


def test_users_are_read_again_when_the_file_was_changed(tmp_path: Path) -> None:
    passwd = tmp_path / "passwd"
    users = Users(str(passwd))
    users.refresh()
    passwd.write_text("alice:x:1000:1000::/:/bin/sh\n")
    users.refresh()

    assert users.name(1000) == "alice"


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[bytes]]:
    """A process of this machine with an odd name that uses all the CPU time it gets, and one that ended unasked for."""
    program = (
        "import os\nif os.fork() == 0: os._exit(0)\n"
        "open('/proc/self/comm', 'w').write(') R (x')\nprint(flush=True)\nwhile True: pass\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.send_signal(signal.SIGKILL)


def test_on_this_machine_the_busy_one_is_found(busy: subprocess.Popen[bytes]) -> None:
    source = processes.source("/proc")
    look(source)
    time.sleep(1.2)

    counts, rows = look(source)

    assert rows[busy.pid]["name"] == ") R (x"
    assert rows[busy.pid]["used"][0] > 0
    assert counts["states"]["Z"] >= 1
    assert counts["processes"] == sum(counts["states"].values())


@pytest.fixture
def storm() -> Iterator[None]:
    """A program of this machine that starts others, one after the other, as fast as it can."""
    program = "import os\nprint(flush=True)\nwhile True:\n    if os.fork() == 0: os._exit(0)\n    os.wait()\n"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.send_signal(signal.SIGKILL)


def test_processes_that_live_for_a_millisecond_leave_every_sample_whole(storm: None) -> None:
    crowd = processes.Crowd("/proc", False, Users())
    for _ in range(100):
        counts, *rows = map(json.loads, crowd.sample(200).splitlines())
        assert counts["processes"] >= counts["not_looked_at"] >= 0
        assert all(row["pid"] and row["name"] for row in rows)
        time.sleep(0.01)

    assert len(crowd.known) < 2 * len([entry for entry in Path("/proc").iterdir() if entry.name.isdigit()])


def test_no_file_stays_open_for_a_process_that_is_gone() -> None:
    def mine() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = mine()
    crowd = processes.Crowd("/proc", False, Users())
    sleepers = [os.posix_spawn("/bin/sleep", ["sleep", "60"], {}) for _ in range(20)]
    for _ in range(3):
        crowd.sample(1000)
    while_there = mine()
    for pid in sleepers:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    for _ in range(processes.LIST_LOOKS):
        crowd.sample(1000)
    after = mine()
    for pid in list(crowd.known):
        crowd.forget(pid)

    assert after <= while_there - 20
    assert mine() == before
