"""Who may do what, at length: random calls against an oracle, what a refusal takes, and what becomes part of a path."""

import hashlib
import json
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import pytest
from access_oracle import LIMITS, TRAVERSALS, World, foreign_words, violations, violations_over_http
from answer_times import differences, measured
from page_oracle import page_violations
from receiver_peer import BOUNDARY, UPLOAD, csv_text, part

from appliance.cli import run_command
from appliance.errors import InvalidKey
from appliance.receive.application import application
from appliance.receive.server import Receiver
from appliance.receive.stores import Stores
from appliance.store.registry import Grant, Registry
from appliance.store.tenant import TenantStore

CALLS, CALLS_OVER_HTTP, VISITS, SAMPLES = 100_000, 10_000, 20_000, 4_000
DIFFERENT = 4.5
PROGRAM = [sys.executable, "-m", "appliance"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("world") / "data", tenants=10, seed=2026)
    yield made
    made.close()


def test_a_hundred_thousand_calls_are_answered_as_the_keys_allow(world: World) -> None:
    found = violations(world, CALLS)

    print(dict(world.met))
    assert found == []
    assert min(world.met.values()) > 50


def test_it_is_so_through_a_server_from_many_threads(world: World) -> None:
    assert violations_over_http(world, CALLS_OVER_HTTP, threads=8) == []


def test_twenty_thousand_visits_to_pages_show_what_the_keys_allow(world: World) -> None:
    assert page_violations(world, VISITS) == []


def test_no_site_has_a_word_of_another_tenant(world: World, tmp_path: Path) -> None:
    for tenant in world.tenants:
        site = tmp_path / tenant
        arguments = ["report", "--data", str(world.folder), "--tenant", tenant, "--output", str(site)]
        assert run_command(arguments, "perfanalysis") == 0
        assert foreign_words(world, tenant, site) == set()


def test_no_file_of_a_tenant_has_a_word_of_another(world: World) -> None:
    """Of what only the data has: ids are said by anyone who tries them."""
    for tenant in world.tenants:
        path = world.stores.tenant(tenant).path
        files = b"".join(file.read_bytes() for file in path.parent.rglob("*") if file.is_file())
        theirs = {
            word
            for (owner, machine), content in world.contents.items()
            if owner not in (tenant, "") and machine in world.machines[owner]
            for word in content.words()
        }
        assert not [word for word in theirs if word.encode() in files]
        for found in TenantStore(world.folder, tenant, read_only=True).database.execute_sql("SELECT name FROM machine"):
            assert found[0] in world.machines[tenant]


# What a refusal takes


@pytest.fixture(scope="module")
def bad_keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[str]]]:
    """A data folder with keys, and keys of each kind that is refused, all as long as a good one."""
    folder = tmp_path_factory.mktemp("keys") / "data"
    with Registry(folder) as registry:
        registry.create_tenant("team-a")
        keys = [registry.create_key("team-a") for _ in range(500)]
        revoked, expired, waiting, wrong, never = (keys[at::5] for at in range(5))
        with registry.changing():
            for column, of_them in (("revoked_ms", revoked), ("expires_ms", expired)):
                for key in of_them:
                    statement = f"UPDATE key SET {column} = 5 WHERE id = ?"
                    registry.database.execute_sql(statement, (key.split("_")[1],))
            for key in waiting:
                registry.database.execute_sql("UPDATE key SET starts_ms = ? WHERE id = ?", (2**60, key.split("_")[1]))
    return folder, {
        "revoked": revoked,
        "expired": expired,
        "not valid yet": waiting,
        "wrong secret": [key[:17] + key[17:81][::-1] + key[81:] for key in wrong],
        "unknown": [f"pa1_{key[15:3:-1]}{key[16:]}" for key in never],
        "malformed": ["pb1-" + key[4:].upper() for key in never],
    }


@contextmanager
def refusing(
    folder: Path, authenticate: Callable[[Registry, str], Grant] | None = None
) -> Iterator[Callable[[str], object]]:
    """
    Give a function that shows a key to a receiver which refuses it: from the connection to the end of the answer.

    That is what a stranger can measure. In the process itself the caches of the processor tell keys that are there
    from others, by some 30 of 5000 ns.
    """
    stores = Stores(folder)
    if authenticate is not None:
        stores.registry.authenticate = partial(authenticate, stores.registry)  # type: ignore[method-assign]
    receiver = Receiver(application(stores, LIMITS), "127.0.0.1", 0)
    thread = threading.Thread(target=receiver.run)
    thread.start()
    address = ("127.0.0.1", int(receiver.url.rpartition(":")[2]))

    def refuse(key: str) -> None:
        request = f"GET /api/v1/machines HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
        with socket.create_connection(address, timeout=20) as connection:
            connection.sendall(request)
            answer = connection.recv(4096)
        assert answer.startswith(b"HTTP/1.1 401 ")
        raise InvalidKey("it was refused")

    try:
        yield refuse
    finally:
        receiver.stop()
        thread.join()
        stores.close()


def test_what_is_wrong_with_a_key_is_not_told_by_the_time_that_its_refusal_takes(
    bad_keys: tuple[Path, dict[str, list[str]]],
) -> None:
    folder, keys = bad_keys

    with refusing(folder) as refuse:
        found = differences(measured(refuse, keys, SAMPLES, seed=1))

    print({" / ".join(pair): round(t, 1) for pair, t in found.items()})
    assert {pair: t for pair, t in found.items() if abs(t) > DIFFERENT} == {}


def sooner(registry: Registry, key: str) -> Grant:
    """Refuse at once a key that is not known, and hash only what is: twenty times, far less than usual."""
    stored = registry.stored().get(key[4:16])
    if stored is not None:
        hashlib.pbkdf2_hmac("sha256", key.encode(), b"salt", 20)
    raise InvalidKey("The API key is missing or not valid.")


def test_control_a_check_that_knows_sooner_is_seen(bad_keys: tuple[Path, dict[str, list[str]]]) -> None:
    folder, keys = bad_keys

    with refusing(folder, sooner) as refuse:
        found = differences(measured(refuse, keys, SAMPLES, seed=1))

    print({" / ".join(pair): round(t, 1) for pair, t in found.items()})
    assert abs(found["revoked", "unknown"]) > DIFFERENT


# Files


@contextmanager
def serving(data: Path, before: list[str], **more: object) -> Iterator[tuple[tuple[str, int], int]]:
    """Run the program itself, started with another one in front; give its address and its process."""
    command = [*before, *PROGRAM, "serve", "--listen", "127.0.0.1:0", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **more) as process:  # type: ignore[call-overload]
        try:
            line = process.stdout.readline()
            found = re.match(r"Listening on http://(\S+):([0-9]+) ", line)
            if found is None:
                pytest.skip(f"{before[0]} may not run it here")
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            pid = int(children[0]) if children else process.pid
            yield (found[1], int(found[2])), pid
            os.kill(pid, signal.SIGTERM)
            process.wait(20)
        finally:
            process.kill()


def ask(address: tuple[str, int], method: str, path: str, key: str, body: bytes | None = None, kind: str = "") -> int:
    connection = HTTPConnection(*address, timeout=20)
    try:
        connection.putrequest(method, path)
        connection.putheader("Authorization", f"Bearer {key}")
        if body is not None:
            connection.putheader("Content-Type", kind)
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        return connection.getresponse().status
    finally:
        connection.close()


def test_nothing_that_a_user_says_becomes_part_of_a_path(data: Path, tmp_path: Path) -> None:
    said = "zqsaid"
    with Registry(data) as registry:
        registry.create_tenant(f"{said}-tenant")
        key = registry.create_key(f"{said}-tenant", label=f"../{said}")
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-qq", "-s", "4096", "-e", "trace=%file", "-o", str(trace)]
    statuses = set()

    with serving(data, strace) as (address, _):
        for text in [f"{said}-good", *(f"{traversal}{said}" for traversal in TRAVERSALS), f"../../{said}"]:
            fields = b"".join([
                part("file", csv_text("x"), f'; filename="{quote(text)}"'), part("machine_id", text),
                part(quote(text, safe=""), text),
            ])  # fmt: skip
            form = fields + f"--{BOUNDARY}--\r\n".encode()
            batch = json.dumps({"identifier": text, "measurements": [{"timestamp": 1, "subsystem": text}]}).encode()
            quoted = quote(text, safe="")
            statuses |= {
                ask(address, "POST", UPLOAD, key, form, f"multipart/form-data; boundary={BOUNDARY}"),
                ask(address, "POST", "/v1/trickle", key, batch, "application/json"),
                ask(address, "GET", f"/api/v1/machines/{quoted}", key),
                ask(address, "GET", f"/api/v1/machines?tenant_id={quoted}", key),
                ask(address, "GET", f"/api/v1/performance/export?machine_id={quoted}", key),
                ask(address, "GET", f"/{quoted}", key),
            }

    calls = trace.read_text("utf-8", "replace").splitlines()
    opened = [line for line in calls if re.search(r"O_WRONLY|O_RDWR|O_CREAT", line) and " = -1 " not in line]
    paths = [found[1] for line in opened if (found := re.search(r'"((?:[^"\\]|\\.)*)"', line))]
    assert {200, 400, 403, 404} <= statuses
    assert max(statuses) < 500
    assert len(calls) > 100
    assert [line for line in calls if said in line] == []
    # What is made outside the data folder has no name, or one that nobody could have put there before.
    outside = [
        line
        for line, path in zip(opened, paths, strict=True)
        if not path.startswith(str(data)) and not path.startswith(("/dev/", "/proc/")) and "__pycache__" not in path
    ]
    assert [line for line in outside if not re.search(r"O_TMPFILE|O_EXCL", line)] == []


def test_with_an_open_umask_the_program_itself_makes_no_file_that_others_may_read(data: Path) -> None:
    open_umask = ["sh", "-c", 'umask 000; ulimit -c unlimited 2>/dev/null; exec "$@"', "sh"]
    for command in (["tenant", "create", "team-a"], ["key", "create"]):
        made = subprocess.run(
            [*open_umask, *PROGRAM, *command, "--data", str(data)], capture_output=True, text=True, check=True
        )
    with serving(data, open_umask) as (address, pid):
        form = part("file", csv_text("web-1"), '; filename="x"') + part("machine_id", "web-1")
        form += f"--{BOUNDARY}--\r\n".encode()
        key = made.stdout.strip()
        assert ask(address, "POST", UPLOAD, key, form, f"multipart/form-data; boundary={BOUNDARY}") == 200
        modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in [data, *data.rglob("*")]}
        core, _ = resource.prlimit(pid, resource.RLIMIT_CORE)

    assert len(modes) >= 9
    assert {path: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}
    assert core == 0


@pytest.mark.parametrize("damage", ["mode", "link"])
def test_a_receiver_does_not_start_on_a_registry_that_others_may_change(data: Path, damage: str) -> None:
    path = data / "registry.sqlite"
    Registry(data).close()
    if damage == "mode":
        path.chmod(0o666)
    else:
        path.rename(path.with_name("elsewhere"))
        path.symlink_to(path.with_name("elsewhere"))

    done = subprocess.run(
        [*PROGRAM, "serve", "--listen", "127.0.0.1:0", "--data", str(data)],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (77, "")
    assert len(done.stderr.splitlines()) == 1
    assert str(path) in done.stderr


# Revoked while something comes


def test_a_key_that_the_command_line_revokes_ends_within_a_second_and_in_the_middle_of_an_upload(data: Path) -> None:
    with Registry(data) as registry:
        registry.create_tenant("team-a")
        key = registry.create_key("team-a")
    body = part("file", csv_text("web-1", rows=20_000), '; filename="x"') + part("machine_id", "web-1")
    body += f"--{BOUNDARY}--\r\n".encode()
    with serving(data, ["env"]) as (address, _):
        slow = HTTPConnection(*address, timeout=60)
        slow.putrequest("POST", UPLOAD)
        slow.putheader("Authorization", f"Bearer {key}")
        slow.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
        slow.putheader("Content-Length", str(len(body)))
        slow.endheaders()
        pieces = [body[at : at + len(body) // 20] for at in range(0, len(body), len(body) // 20)]
        before = ask(address, "GET", "/api/v1/machines", key)
        for number, piece in enumerate(pieces):
            slow.send(piece)
            time.sleep(0.2)
            if number == len(pieces) // 2:
                subprocess.run([*PROGRAM, "key", "revoke", key.split("_")[1], "--data", str(data)], check=True)
                revoked = time.monotonic()
                while ask(address, "GET", "/api/v1/machines", key) == 200:
                    assert time.monotonic() - revoked < 1
        status = slow.getresponse().status
        slow.close()

    assert (before, status) == (200, 401)
    with TenantStore(data, "team-a", read_only=True) as store:
        assert store.database.execute_sql("SELECT count(*) FROM batch").fetchone()[0] == 0
