"""Files of ours: nobody else may read or change them, whatever the umask, and what others may change is refused."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import NoPermission
from appliance.store import private
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore, folder_of


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def made(data: Path) -> Path:
    """A data folder with a tenant that has a file."""
    with Registry(data) as registry:
        registry.create_tenant("team-a")
    TenantStore(data, "team-a").close()
    return data


LONE = {"TENANT", "STORE"}
"""Files without an ending."""


def modes(folder: Path) -> dict[str, str]:
    return {path.name: oct(stat.S_IMODE(path.lstat().st_mode)) for path in [folder, *folder.rglob("*")]}


def test_with_an_open_umask_everything_is_ours_alone_also_while_it_is_used(data: Path, open_umask: None) -> None:
    registry = Registry(data)
    registry.create_tenant("team-a")
    with TenantStore(data, "team-a") as store:
        store.database.execute_sql("DELETE FROM batch")
        found = modes(data)
    registry.close()

    assert {name: mode for name, mode in found.items() if "." not in name and name not in LONE} == dict.fromkeys(
        ["data", "tenants", folder_of(data, "team-a").name], "0o700"
    )
    files = {*LONE, *(name for name in found if "sqlite" in name)}
    assert {"registry.sqlite-wal", "data.sqlite-wal", "data.sqlite-shm"} <= files
    assert {found[name] for name in files} == {"0o600"}


def open_all(data: Path) -> None:
    with Registry(data) as registry:
        registry.tenants()
    TenantStore(data, "team-a").close()


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o660, 0o666, 0o777])
@pytest.mark.parametrize("name", ["registry.sqlite", "data.sqlite"])
def test_a_file_that_others_may_change_is_refused(made: Path, mode: int, name: str) -> None:
    (path,) = made.rglob(name)
    path.chmod(mode)

    with pytest.raises(NoPermission, match=f"{name} may be changed by other users: .* chmod go-w"):
        open_all(made)


@pytest.mark.parametrize("name", [".", "tenants", "tenants/*"])
def test_a_folder_that_others_may_change_is_refused(made: Path, name: str) -> None:
    path = made if name == "." else next(made.glob(name))
    path.chmod(0o770)

    with pytest.raises(NoPermission, match=f"{path.name} may be changed by other users"):
        open_all(made)


def test_a_data_folder_below_a_folder_of_everyone_is_taken(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)

    Registry(shared).close()

    assert modes(shared)["registry.sqlite"] == "0o600"


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("ending", ["", "-wal", "-shm", "-journal"])
@pytest.mark.parametrize("name", ["registry.sqlite", "data.sqlite"])
def test_a_symbolic_link_in_place_of_a_file_is_not_followed(
    made: Path, tmp_path: Path, name: str, ending: str, read_only: bool
) -> None:
    (path,) = made.rglob(name)
    planted = path.with_name(name + ending)
    victim = tmp_path / "victim"
    if ending == "":
        path.rename(victim)
    else:
        victim.write_bytes(b"precious")
    before = victim.read_bytes()
    planted.symlink_to(victim)

    with pytest.raises(NoPermission, match=f"{planted.name} is a symbolic link"):
        if name == "registry.sqlite":
            Registry(made, read_only=read_only)
        else:
            TenantStore(made, "team-a", read_only=read_only)
    assert victim.read_bytes() == before


def test_a_symbolic_link_that_leads_nowhere_makes_no_file_there(made: Path, tmp_path: Path) -> None:
    (path,) = made.rglob("data.sqlite")
    path.unlink()
    path.symlink_to(tmp_path / "made-by-us")

    with pytest.raises(NoPermission, match="symbolic link"):
        TenantStore(made, "team-a")
    assert not (tmp_path / "made-by-us").exists()


@pytest.mark.parametrize("name", ["tenants", "tenants/*"])
def test_a_symbolic_link_in_place_of_a_folder_is_not_followed(made: Path, tmp_path: Path, name: str) -> None:
    (path,) = made.glob(name)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(NoPermission, match="symbolic link"):
        TenantStore(made, "team-a")


def test_the_data_folder_itself_may_be_a_symbolic_link(made: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(made)

    open_all(tmp_path / "link")


def test_a_folder_in_place_of_a_file_is_refused(made: Path) -> None:
    (path,) = made.rglob("data.sqlite")
    path.unlink()
    path.mkdir()

    with pytest.raises(NoPermission, match="is not a file"):
        TenantStore(made, "team-a")


def test_what_belongs_to_another_user_is_refused_except_to_root(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (path,) = made.rglob("data.sqlite")
    stranger = made.stat().st_uid + 1
    monkeypatch.setattr(os, "geteuid", lambda: stranger)
    if made.stat().st_uid != private.ROOT:
        with pytest.raises(NoPermission, match="belongs to another user"):
            open_all(made)

    with pytest.raises(NoPermission, match=f"belongs to another user .{made.stat().st_uid}.: run this as that user"):
        private.check_one(path, stat.S_IFREG)
    monkeypatch.setattr(os, "geteuid", lambda: private.ROOT)
    private.check_one(path, stat.S_IFREG)


@pytest.mark.skipif(os.geteuid() != private.ROOT, reason="needs root, who alone may give files away")
def test_what_root_makes_in_the_folder_of_a_receiver_is_the_receivers(data: Path) -> None:
    """`sudo perfanalysis import` would make files that the receiver cannot open."""
    data.mkdir(0o700)
    os.chown(data, 12345, 12345)

    with Registry(data) as registry:
        registry.create_tenant("team-a")
        with TenantStore(data, "team-a"):
            owners = {path.name: (path.stat().st_uid, path.stat().st_gid) for path in data.rglob("*")}

    assert len(owners) >= 9
    assert set(owners.values()) == {(12345, 12345)}


def test_a_process_that_keeps_to_itself_makes_files_for_itself_and_leaves_no_core(tmp_path: Path) -> None:
    program = (
        "import os, resource; from pathlib import Path; from appliance.store import private\n"
        "os.umask(0); private.keep_to_ourselves(); Path('made').touch(); Path('folder').mkdir()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip

    assert done.stdout == "(0, 0)\n"
    assert {name: modes(tmp_path)[name] for name in ("made", "folder")} == {"made": "0o600", "folder": "0o700"}
