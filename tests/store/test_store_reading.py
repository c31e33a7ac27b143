"""Reading a store: one state of it, and not for longer than others can wait."""

import threading
from pathlib import Path

import pytest
from aging import MIDNIGHT, add, make, merge_all, times

from appliance.errors import Unavailable
from appliance.store import tenant
from appliance.store.tenant import TenantStore

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def test_what_takes_too_long_is_broken_off_and_the_store_goes_on(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with TenantStore(data, "team-a") as store:
        monkeypatch.setattr(tenant, "READ_SECONDS", 0.05)
        with pytest.raises(Unavailable, match="was read for too long"), store.reading():
            store.database.execute_sql(ENDLESS).fetchone()

        add(store, [MIDNIGHT])
        assert times(store) == [MIDNIGHT]


def test_a_reader_sees_each_sample_once_while_blocks_are_joined(data: Path) -> None:
    make(data, 30, 2)
    seen: list[list[int]] = []
    done = threading.Event()

    def read() -> None:
        with TenantStore(data, "team-a", read_only=True) as other:
            while not done.is_set():
                seen.append(times(other))

    with TenantStore(data, "team-a") as store:
        before = times(store)
        reader = threading.Thread(target=read)
        reader.start()
        try:
            for number in range(30):
                add(store, [MIDNIGHT + 600_000 + number], "other")
                merge_all(store)
        finally:
            done.set()
            reader.join()

    assert len(seen) > 5
    assert all(each == before for each in seen)
