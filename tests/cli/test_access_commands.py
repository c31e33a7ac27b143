"""`tenant`, `key` and `machine` as a person and a script use them."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from appliance.cli import run_command
from appliance.cli.tables import near_text, size_text
from appliance.store.registry import Registry
from appliance.store.tenant import folder_of

CSV = (
    "timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available\n"
    "1704067200,{0},25.5,10.2,60.3,4.0,16777216,8388608,12582912\n"
    "1704067260,{0},25.5,10.2,60.3,4.0,16777216,8388608,12582912\n"
)
DAY_MS = 86_400_000


class Program:
    """The command line in this process, which starts in no time."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]):
        self.data = data
        self.capsys = capsys

    def __call__(self, *arguments: object, code: int = 0) -> str:
        """Run a command that is to end with a code, and return what it printed: of an error, its sentence."""
        self.capsys.readouterr()
        ended = run_command([*map(str, arguments), "--data", str(self.data)], "perfanalysis")
        said = self.capsys.readouterr()
        assert ended == code, said
        if code:
            assert len(said.err.splitlines()) == 1
        return said.err if code else said.out

    def json(self, *arguments: object) -> Any:
        return json.loads(self(*arguments, "--json"))


@pytest.fixture
def program(data: Path, capsys: pytest.CaptureFixture[str]) -> Program:
    made = Program(data, capsys)
    made("tenant", "create", "team-a")
    return made


@pytest.fixture
def stored(program: Program, tmp_path: Path) -> Program:
    for machine in ("web-1", "web-2"):
        (tmp_path / f"{machine}.csv").write_text(CSV.format(machine))
        program("import", tmp_path / f"{machine}.csv")
    return program


def key_id(key: str) -> str:
    return key.split("_")[1]


def test_a_key_says_what_it_allows(program: Program, data: Path) -> None:
    key = program(
        "key", "create", "--scope", "write", "--machine", "web-1", "--machine", "web-2", "--expires", "90d",
        "--label", "the shop",
    )  # fmt: skip

    grant = Registry(data).authenticate(key.strip())
    assert re.fullmatch(r"pa1_\S+\n", key)
    assert (grant.scopes, grant.machines) == ({"write"}, {"web-1", "web-2"})
    head, row = program("key", "list").splitlines()
    assert head.split("  ")[0] == "id"
    assert re.split(r" {2,}", row) == [
        key_id(key), "team-a", "write", "web-1, web-2", "ends in 90 d", "never", "the shop",
    ]  # fmt: skip
    assert len(row) <= 100


def test_the_list_of_keys_for_programs(program: Program) -> None:
    key = key_id(program("key", "create", "--expires", "2099-12-31", "--not-before", "2099-01-01T00:00:00Z"))
    revoked = key_id(program("key", "create"))
    program("key", "revoke", revoked)

    (only,) = program.json("key", "list")

    assert {name: only[name] for name in only if name != "created_at"} == {
        "id": key, "tenant": "team-a", "scopes": ["read", "write"], "machines": None, "label": "", "state": "waiting",
        "starts_at": "2099-01-01T00:00:00Z", "expires_at": "2099-12-31T23:59:59.999Z", "revoked_at": None,
        "last_used_at": None, "replaced_by": None,
    }  # fmt: skip
    assert {key["id"]: key["state"] for key in program.json("key", "list", "--all")} == {
        key: "waiting",
        revoked: "revoked",
    }


def test_a_key_is_rotated_with_an_overlap(program: Program, data: Path) -> None:
    old = program("key", "create", "--scope", "read", "--label", "wall")

    new = program("key", "rotate", key_id(old), "--overlap", "2h")

    assert re.fullmatch(r"pa1_\S+\n", new)
    assert Registry(data).authenticate(new.strip()).scopes == {"read"}
    first, second = program.json("key", "list")
    assert (first["state"], first["replaced_by"], second["state"], second["label"]) == (
        "ending", key_id(new), "valid", "wall",
    )  # fmt: skip
    assert "ends in 2 h" in program("key", "list")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["key", "revoke", "0" * 12], 66, "there is no key '000000000000': `key list` shows"),
        (["key", "rotate", "0" * 12], 66, "there is no key"),
        (["key", "create", "--expires", "soon"], 64, "'soon' is no time: write 90d, 12h, 2026-12-31"),
        (["key", "create", "--expires", "2020-01-01"], 64, "would never be valid"),
        (["key", "create", "--expires", "0"], 64, "would never be valid"),
        (["key", "create", "--machine", "../x"], 65, "'../x' is not a machine id"),
        (["key", "create", "--scope", "fly"], 64, "'fly' is not one of"),
        (["key", "create", "--tenant", "taem-a"], 66, "Did you mean 'team-a'?"),
        (["key", "list", "--tenant", "tema-a"], 66, "Did you mean 'team-a'?"),
        (["tenant", "show", "team-aa"], 66, "Did you mean 'team-a'?"),
        (["tenant", "create", "team-a"], 64, "exists already"),
        (["machine", "show", "web-11"], 66, "there is web-1, web-2. Did you mean 'web-1'?"),
        (["machine", "rename", "wbe-2", "x"], 66, "Did you mean 'web-2'?"),
        (["export", "--machine-id", "wep-1"], 66, "Did you mean 'web-1'?"),
    ],
)
def test_what_is_mistyped_is_told_in_a_sentence(
    stored: Program, arguments: list[str], code: int, sentence: str
) -> None:
    assert sentence in stored(*arguments, code=code)


def test_of_several_tenants_one_must_be_named(program: Program) -> None:
    program("tenant", "create", "team-b")

    assert "tenant show NAME: there is team-a, team-b" in program("tenant", "show", code=64)


def test_what_is_empty_says_what_to_type(program: Program) -> None:
    assert program("key", "list") == "There is no valid key. Make one: perfanalysis key create\n"
    assert program("key", "list", "--tenant", "team-a").endswith("key create --tenant team-a\n")
    assert "import a file" in program("machine", "list")
    assert program.json("machine", "list") == []


def test_tenants_are_listed_and_shown(stored: Program) -> None:
    stored("tenant", "create", "team-b")
    stored("key", "create", "--tenant", "team-a")
    stored("key", "revoke", key_id(stored("key", "create", "--tenant", "team-a")))

    head, first, second = stored("tenant", "list").splitlines()
    shown = stored("tenant", "show", "team-a")
    listed = stored.json("tenant", "list")

    assert re.split(r" {2,}", head) == ["tenant", "keys", "machines", "size", "last received"]
    assert re.fullmatch(r"team-a +1 +2  [\d.]+ kB +just now", first)
    assert re.fullmatch(r"team-b +0 +0  0 B +never", second)
    assert "samples   2024-01-01 00:00:00Z to 2024-01-01 00:01:00Z" in shown
    assert "keys      1 valid, 1 not (any more)" in shown
    assert listed[0] == stored.json("tenant", "show", "team-a")
    assert (listed[0]["machines"], listed[0]["keys"], listed[0]["keys_valid"]) == (2, 2, 1)
    assert (listed[1]["machines"], listed[1]["end"], listed[1]["trouble"]) == (0, None, None)


def test_a_damaged_tenant_is_named_and_the_others_are_listed(
    stored: Program, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored("tenant", "create", "team-b")
    path = folder_of(data, "team-a") / "data.sqlite"
    path.write_bytes(b"x" * 10_000)

    run_command(["tenant", "list", "--data", str(data)], "perfanalysis")

    said = capsys.readouterr()
    assert [line.split()[:3] for line in said.out.splitlines()[1:]] == [["team-a", "0", "?"], ["team-b", "0", "0"]]
    assert said.err.startswith("team-a: ")
    assert "restore it from a backup" in stored("tenant", "show", "team-a", code=65)
    assert "restore" in stored.json("tenant", "list")[0]["trouble"]


def test_machines_are_listed_renamed_and_shown(stored: Program) -> None:
    stored("machine", "rename", "web-2", "Shop, front \x1b[2J")
    key = key_id(stored("key", "create", "--machine", "web-2"))

    head, first, second = stored("machine", "list").splitlines()
    shown = stored("machine", "show", "web-2")
    found = stored.json("machine", "show", "web-2")

    assert re.split(r" {2,}", head) == ["machine", "name", "samples", "from (UTC)", "to (UTC)", "received"]
    assert re.split(r" {2,}", first)[3:] == ["2024-01-01 00:00", "2024-01-01 00:01", "just now"]
    assert "Shop, front \\x1b[2J" in second
    assert shown.startswith("web-2\n  tenant")
    assert f"keys      {key}\n" in shown
    assert "\x1b" not in shown
    assert (found["id"], found["samples"], found["keys"], found["end"]) == (
        "web-2", 2, [key], "2024-01-01T00:01:00Z",
    )  # fmt: skip
    assert found["stored_bytes"] > 0
    assert {name: found[name] for name in stored.json("machine", "list")[1]} == stored.json("machine", "list")[1]


def test_no_list_shows_a_secret_again(program: Program) -> None:
    secret = program("key", "create").split("_")[2]

    shown = [
        program(*command)
        for command in (["key", "list"], ["key", "list", "--json"], ["tenant", "show"], ["tenant", "list", "--json"])
    ]

    assert not any(secret[:8] in text for text in shown)


@pytest.mark.parametrize(
    ("group", "commands"),
    [
        ("tenant", {"create", "list", "show"}),
        ("key", {"create", "list", "rotate", "revoke"}),
        ("machine", {"list", "show", "rename"}),
    ],
)
def test_each_command_explains_itself_with_an_example(
    group: str, commands: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for command in commands:
        assert run_command([group, command, "--help"], "perfanalysis") == 0
        assert f"Example: perfanalysis {group} {command}" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("ago_ms", "text"),
    [
        (0, "just now"), (59_000, "just now"), (60_000, "1 min ago"), (3 * 3_600_000, "3 h ago"),
        (2 * DAY_MS, "2 d ago"), (-90 * DAY_MS - 1000, "in 90 d"), (-2 * 3_600_000 - 1000, "in 2 h"),
        (-30_000, "in a moment"),
    ],
)  # fmt: skip
def test_a_time_that_is_near_is_told_by_how_near(ago_ms: int, text: str) -> None:
    assert near_text(time.time_ns() // 1_000_000 - ago_ms) == text


def test_a_time_that_is_far_is_told_by_its_date() -> None:
    assert near_text(1_704_067_200_000) == "2024-01-01"
    assert near_text(None) == "never"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345, "12.3 kB"), (999_600, "1.0 MB"), (123_456_789, "123 MB"),
        (5 * 10**15, "5000 TB"),
    ],
)  # fmt: skip
def test_a_size_is_told_in_three_digits(size: int, text: str) -> None:
    assert size_text(size) == text
