"""Room on the disk: a floor below which nothing is stored, and a reserve for removing."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from aging import MIDNIGHT, add, times

from appliance.errors import InsufficientStorage
from appliance.store import space
from appliance.store.space import RESERVE, Space
from appliance.store.tenant import TenantStore

RunProgram = Callable[..., subprocess.CompletedProcess[str]]
MORE_THAN_ANY_DISK = 1 << 60
ROWS = (
    "machine_id,timestamp,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available\n"
    "web-1,1767225600,1.5,0.5,98.0,0.0,1000,500,700\n"
)


@pytest.mark.parametrize(
    ("total", "floor"),
    [(100 << 30, 5 << 30), (4 << 30, 512 << 20), (1 << 30, 256 << 20), (64 << 20, 16 << 20)],
)
def test_the_floor_is_5_percent_but_512_mib_and_a_quarter_of_a_small_disk(
    tmp_path: Path, total: int, floor: int
) -> None:
    assert Space(tmp_path).floor(total) == floor


def test_below_the_floor_nothing_is_stored_and_reading_goes_on(data: Path) -> None:
    with TenantStore(data, "team-a") as store:
        add(store, [MIDNIGHT])
    with TenantStore(data, "team-a", space=Space(data, MORE_THAN_ANY_DISK)) as store:
        with pytest.raises(InsufficientStorage, match="MiB are kept free: nothing more is stored until there is room"):
            add(store, [MIDNIGHT + 1])

        assert times(store) == [MIDNIGHT]


def test_an_import_says_it_in_one_sentence_and_stores_nothing(
    data: Path, tmp_path: Path, run_program: RunProgram
) -> None:
    (tmp_path / "rows.csv").write_text(ROWS)

    done = run_program("import", "rows.csv", "--data", data, "--min-free", "100000TB")

    assert done.returncode == 74
    assert done.stderr.count("\n") == 1
    assert "nothing more is stored until there is room" in done.stderr
    with TenantStore(data, "default") as store, store.lock:
        assert store.database.execute_sql("SELECT count(*) FROM batch").fetchone() == (0,)


def test_the_reserve_takes_its_place_on_the_disk_and_gives_it_up_once(tmp_path: Path) -> None:
    Space(tmp_path, 0, 1 << 20).keep_reserve()

    found = (tmp_path / RESERVE).stat()
    assert (found.st_size, found.st_blocks * 512) == (1 << 20, 1 << 20)
    assert space.give_up_reserve(tmp_path)
    assert not space.give_up_reserve(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("floor", "reserve"), [(0, 0), (MORE_THAN_ANY_DISK, 1 << 20), (0, MORE_THAN_ANY_DISK)])
def test_no_reserve_is_made_where_none_is_wanted_or_there_is_no_room(tmp_path: Path, floor: int, reserve: int) -> None:
    Space(tmp_path, floor, reserve).keep_reserve()

    assert list(tmp_path.iterdir()) == []
