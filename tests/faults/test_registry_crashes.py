"""What changes the registry is killed at each of its system calls: it is as before or as after, and no key is lost."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from appliance.errors import InvalidKey
from appliance.store.registry import MIGRATIONS, Registry, digest

PROGRAM = [sys.executable, "-m", "appliance"]
CALLS = ("pwrite64", "fsync", "fdatasync", "ftruncate", "unlink")
# What a program must not do: show a key before it is stored.
TOO_EARLY = """
import sys
from appliance.cli import run_command
from appliance.store.registry import Registry
real = Registry.insert
def insert(self, **fields):
    key = real(self, **fields)
    print(key, flush=True)
    return key
Registry.insert = insert
run_command(["key", "create", "--data", sys.argv[-1]], "perfanalysis")
"""


class Before(NamedTuple):
    folder: Path
    keys: list[str]
    """Valid ones."""


def valid(registry: Registry, key: str) -> bool:
    try:
        registry.authenticate(key)
    except InvalidKey:
        return False
    return True


def id_of(key: str) -> str:
    return key.split("_")[1]


@pytest.fixture
def today(tmp_path: Path) -> Before:
    with Registry(tmp_path / "today") as registry:
        registry.create_tenant("team-a")
        return Before(tmp_path / "today", [registry.create_key("team-a") for _ in range(3)])


@pytest.fixture
def older(tmp_path: Path) -> Before:
    """A registry of schema 1, with its -wal as a killed program leaves it."""
    folder = tmp_path / "older"
    folder.mkdir(0o700)
    path = folder / "registry.sqlite"
    keys = [f"pa1_{number * 12}_{number * 64}_{number * 8}" for number in "123"]
    with sqlite3.connect(path) as old:
        for statement in [*MIGRATIONS[0], "PRAGMA application_id = 0x50414E31", "PRAGMA user_version = 1"]:
            old.execute(statement)
        old.execute("INSERT INTO tenant VALUES('team-a', 1)")
        for key in keys:
            row = (id_of(key), "team-a", digest(key), "read write", "", 1, None)
            old.execute("INSERT INTO key VALUES(?, ?, ?, ?, ?, ?, ?)", row)
    old.close()
    path.chmod(0o600)
    return Before(folder, keys)


def killed(before: Before, command: list[str]) -> Iterator[tuple[Path, str]]:
    """Kill a program that ends with its data folder, at one system call after the other; give what it left and said."""
    for call in CALLS:
        at = 0
        while True:
            at += 1
            data = before.folder.with_name(f"{call}-{at}")
            shutil.copytree(before.folder, data)
            try:
                done = subprocess.run(
                    ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"inject={call}:signal=KILL:when={at}", *command,
                     str(data)],
                    capture_output=True, text=True, check=False,
                )  # fmt: skip
            except FileNotFoundError:
                pytest.skip("needs strace")
            if "ptrace" in done.stderr:
                pytest.skip(f"strace may not trace here: {done.stderr.strip()[:200]}")
            yield data, done.stdout
            if done.returncode == 0:
                break
            assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), done.stderr
            shutil.rmtree(data)


def sweep(before: Before, command: list[str], check: Callable[[Registry, str], None]) -> int:
    """Kill, open what is left as the receiver does, and check it; return at how many calls it was killed."""
    points = 0
    for data, said in killed(before, command):
        points += 1
        with Registry(data) as registry:
            assert registry.tenants() == ["team-a"]
            assert registry.database.execute_sql("PRAGMA quick_check").fetchone() == ("ok",)
            check(registry, said)
    print(f"{points} places to be killed at")
    return points


def test_a_key_that_was_shown_is_there(today: Before) -> None:
    def check(registry: Registry, said: str) -> None:
        assert all(valid(registry, key) for key in [*today.keys, *said.split()])

    assert sweep(today, [*PROGRAM, "key", "create", "--data"], check) > 5


def test_control_a_key_that_is_shown_before_it_is_stored_is_missing(today: Before) -> None:
    missing = []

    def check(registry: Registry, said: str) -> None:
        missing.extend(key for key in said.split() if not valid(registry, key))

    sweep(today, [sys.executable, "-c", TOO_EARLY], check)

    assert missing


def test_a_rotation_has_happened_whole_or_not_at_all(today: Before) -> None:
    old = today.keys[0]

    def check(registry: Registry, said: str) -> None:
        rows = {key["id"]: key for key in registry.keys(None)}
        new = rows[id_of(old)]["replaced_by"]
        assert len(rows) == (3 if new is None else 4)
        assert valid(registry, old) == (new is None)
        assert all(valid(registry, key) for key in [*today.keys[1:], *said.split()])

    assert sweep(today, [*PROGRAM, "key", "rotate", id_of(old), "--overlap", "0", "--data"], check) > 5


def test_a_revocation_has_happened_or_not_and_touches_no_other_key(today: Before) -> None:
    seen = set()

    def check(registry: Registry, _: str) -> None:
        seen.add(valid(registry, today.keys[0]))
        assert all(valid(registry, key) for key in today.keys[1:])

    assert sweep(today, [*PROGRAM, "key", "revoke", id_of(today.keys[0]), "--data"], check) > 5
    assert seen == {True, False}


def test_an_older_registry_becomes_one_of_today_or_stays_what_it_was(older: Before) -> None:
    def check(registry: Registry, said: str) -> None:
        assert all(valid(registry, key) for key in older.keys)
        assert not said or len(json.loads(said)) == 3

    assert sweep(older, [*PROGRAM, "key", "list", "--json", "--data"], check) > 5
