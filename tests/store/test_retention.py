"""Retention: what a tenant does not keep goes, oldest first, and nothing else."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from aging import MIDNIGHT, add, part, retain, times

from appliance.errors import BadConfiguration, QuotaReached
from appliance.samples import Samples
from appliance.store import batches, history, retention, settings
from appliance.store.batches import Batch
from appliance.store.blocks import DAY_MS
from appliance.store.settings import Settings
from appliance.store.tenant import TenantStore

HOUR_MS = 3_600_000


@pytest.fixture
def store(data: Path) -> Iterator[TenantStore]:
    with TenantStore(data, "team-a") as opened:
        yield opened


def days_of(store: TenantStore, count: int) -> list[int]:
    """Store a sample each hour for some days; return the times."""
    for day in range(count):
        add(store, range(MIDNIGHT + day * DAY_MS, MIDNIGHT + (day + 1) * DAY_MS, HOUR_MS), received_ms=MIDNIGHT)
    add(store, [MIDNIGHT + count * DAY_MS], received_ms=MIDNIGHT + count * DAY_MS)
    return list(range(MIDNIGHT, MIDNIGHT + count * DAY_MS + 1, HOUR_MS))


def test_at_first_everything_is_kept(store: TenantStore) -> None:
    stored = days_of(store, 3)

    removed = retain(store)

    assert (removed.blocks, times(store)) == (0, stored)


def test_what_is_older_goes_and_what_is_younger_stays(store: TenantStore) -> None:
    stored = days_of(store, 10)
    settings.write(store, Settings(keep_ms=8 * DAY_MS))

    removed = retain(store, 10)

    assert times(store) == [at for at in stored if at >= MIDNIGHT + 2 * DAY_MS]
    assert (removed.blocks, removed.samples) == (2, 48)


def test_a_block_that_spans_the_limit_is_cut(store: TenantStore) -> None:
    stored = days_of(store, 3)
    settings.write(store, Settings(keep_ms=DAY_MS + 5 * HOUR_MS))

    retain(store)

    assert times(store) == [at for at in stored if at >= MIDNIGHT + 2 * DAY_MS - 5 * HOUR_MS]
    assert retain(store).blocks == 0


def test_what_comes_too_old_meanwhile_is_left_for_the_next_time(store: TenantStore) -> None:
    stored = days_of(store, 10)
    settings.write(store, Settings(keep_ms=8 * DAY_MS))
    late = [at + HOUR_MS // 2 for at in stored[:5]]

    def arrive() -> None:
        add(store, [late[len(arrived)]], received_ms=MIDNIGHT + 10 * DAY_MS)
        arrived.append(late[len(arrived)])

    arrived: list[int] = []
    retention.apply(store, now_ms=MIDNIGHT + 10 * DAY_MS + 2000, pause=arrive)

    assert 0 < len(arrived) < len(late)
    retain(store, 10)
    assert times(store) == [at for at in stored if at >= MIDNIGHT + 2 * DAY_MS]


def test_a_damaged_block_goes_when_it_is_over_and_is_not_cut_before(
    store: TenantStore, caplog: pytest.LogCaptureFixture
) -> None:
    days_of(store, 3)
    with store.lock:
        store.database.execute_sql("UPDATE block SET data = x'00'")
    settings.write(store, Settings(keep_ms=DAY_MS + 5 * HOUR_MS))

    with caplog.at_level(logging.WARNING):
        removed = retain(store)

    assert removed.blocks == 1
    assert "a block is not cut" in caplog.text


def test_a_clock_that_is_days_ahead_removes_nothing(store: TenantStore) -> None:
    stored = days_of(store, 3)
    settings.write(store, Settings(keep_ms=DAY_MS))

    with pytest.raises(BadConfiguration, match="the clock is 3,650 days ahead"):
        retention.apply(store, now_ms=MIDNIGHT + 3653 * DAY_MS)

    assert times(store) == stored


def test_the_oldest_days_go_until_the_file_is_small_enough(store: TenantStore) -> None:
    noise = [
        MIDNIGHT + day * DAY_MS + second * 1000 + second * second % 997 for day in range(6) for second in range(4000)
    ]
    for day in range(6):
        add(store, noise[day * 4000 : (day + 1) * 4000])
    with store.lock:
        full = settings.used_bytes(store.database)
    settings.write(store, Settings(keep_bytes=full - 20_000))

    retention.apply(store)

    with store.lock:
        assert settings.used_bytes(store.database) <= full - 20_000
        # What is free is given back to the file system.
        assert settings.pragma(store.database, "freelist_count") == 0
    kept = times(store)
    assert kept == noise[-len(kept) :]
    assert len(kept) >= 4000


def test_the_newest_day_stays_however_little_is_kept(store: TenantStore) -> None:
    stored = days_of(store, 2)
    settings.write(store, Settings(keep_bytes=1))

    retention.apply(store)

    assert times(store) == stored[-1:]


def test_batches_are_known_for_35_days_and_then_forgotten(store: TenantStore) -> None:
    for day in range(60):
        add(store, [MIDNIGHT + day * DAY_MS], received_ms=MIDNIGHT + day * DAY_MS)
    settings.write(store, Settings(keep_ms=DAY_MS))

    retention.apply(store, now_ms=MIDNIGHT + 60 * DAY_MS)

    with store.lock:
        (oldest,) = store.database.execute_sql("SELECT min(received_ms) FROM batch").fetchone()
    assert oldest == MIDNIGHT + 24 * DAY_MS


def test_layouts_that_no_block_has_any_more_go_too(store: TenantStore) -> None:
    days_of(store, 10)
    settings.write(store, Settings(keep_ms=8 * DAY_MS))
    with store.lock:
        store.database.execute_sql("INSERT INTO layout(id, columns) VALUES(99, '[]')")
        store.database.execute_sql("UPDATE block SET layout = 99 WHERE start_ms < ?", (MIDNIGHT + DAY_MS,))

    retain(store, 10)

    with store.lock:
        assert store.database.execute_sql("SELECT id FROM layout").fetchall() == [(1,)]


def test_a_machine_whose_samples_are_gone_is_still_listed(store: TenantStore) -> None:
    days_of(store, 10)
    add(store, [MIDNIGHT], "old", received_ms=MIDNIGHT + 10 * DAY_MS)
    settings.write(store, Settings(keep_ms=8 * DAY_MS))

    retain(store, 10)

    assert [machine.samples for machine in history.machines(store)] == [193, 0]


def test_a_tenant_that_has_as_much_as_it_may_gets_no_more(store: TenantStore) -> None:
    stored = days_of(store, 2)
    settings.write(store, Settings(quota_bytes=10_000))

    with pytest.raises(QuotaReached, match="quota of 0.0 MB is reached"):
        add(store, [MIDNIGHT + 5 * DAY_MS])

    assert times(store) == stored
    settings.write(store, Settings())
    add(store, [MIDNIGHT + 5 * DAY_MS])
    assert times(store)[-1] == MIDNIGHT + 5 * DAY_MS


def test_a_batch_that_would_pass_the_quota_is_refused_whole(store: TenantStore) -> None:
    stored = days_of(store, 2)
    with store.lock:
        used = settings.used_bytes(store.database)
    settings.write(store, Settings(quota_bytes=used + 8192))
    noise = [at * 1000 + at * at % 997 for at in range(MIDNIGHT // 1000, MIDNIGHT // 1000 + 80_000)]

    with pytest.raises(QuotaReached):
        add(store, noise, "other")

    assert times(store) == stored
    assert [machine.machine_id for machine in history.machines(store)] == ["m"]


def test_what_was_stored_before_is_known_also_beyond_the_quota(store: TenantStore) -> None:
    add(store, [MIDNIGHT])
    settings.write(store, Settings(quota_bytes=1))
    samples: Samples = part([MIDNIGHT])

    receipt = batches.add_batch(
        store, Batch(batches.digest_of("csv", "m", samples.at_ms.tobytes()), "csv", [samples], {})
    )

    assert receipt.duplicate
