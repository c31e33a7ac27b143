"""
Retention: what a tenant does not keep any more is removed, oldest first, in small transactions.

Whole blocks go; one that spans the limit is cut. Killed at any point, it goes on at the next time. The numbers that
batches are known by are kept for 35 days at least, so that what is sent again is known again.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.errors import BadConfiguration, BadData
from appliance.store import blocks, database, settings, space
from appliance.store.blocks import DAY_MS, Row
from appliance.store.tenant import Block, TenantStore

HOUR_MS = 3_600_000
COARSE_MS = 7 * DAY_MS
"""Who keeps so long keeps whole days, which no block goes past the end of: nothing has to be cut each hour."""
CLOCK_AHEAD_MS = 48 * HOUR_MS
DIGESTS_MS = 35 * DAY_MS
STEP_BLOCKS, STEP_BATCHES, STEP_LAYOUTS, STEP_PAGES = 50, 5000, 1000, 1000

BEFORE = (
    "SELECT id, end_ms, layout, samples FROM block WHERE machine = ? AND kind = ? AND start_ms < ? "
    "ORDER BY start_ms LIMIT ?"
)
COUNT = "SELECT count(*) FROM block WHERE machine = ? AND kind = ? AND start_ms < ?"
# Each is one step in the index, whatever the machine has.
FIRST = "SELECT min(start_ms) FROM block WHERE machine = ? AND kind = ?"
LAST = "SELECT max(start_ms) FROM block WHERE machine = ? AND kind = ?"
OLD_BATCHES = "SELECT max(id) FROM (SELECT id, received_ms FROM batch ORDER BY id LIMIT ?) WHERE received_ms < ?"


logger = logging.getLogger("perfanalysis.store")


@dataclass(slots=True)
class Removed:
    blocks: int = 0
    samples: int = 0
    """Of all groups: a sample that was read has some in several."""
    batches: int = 0
    layouts: set[int] = field(default_factory=set)


def nothing() -> None:
    return


def apply(store: TenantStore, *, now_ms: int | None = None, pause: Callable[[], object] = nothing) -> Removed:
    """
    Remove what a tenant does not keep; `pause` is called between transactions, while others may use the store.

    Raises BadConfiguration if the clock is so far ahead of what was last received that it must be wrong, and what
    `database.translated` gives. A full disk costs the reserve.
    """
    try:
        try:
            return remove(store, now_ms or time.time_ns() // 1_000_000, pause)
        except (OSError, *database.LIBRARY_ERRORS) as error:
            if not database.is_full(error) or not space.give_up_reserve(store.space.folder):
                raise
            return remove(store, now_ms or time.time_ns() // 1_000_000, pause)
    except (OSError, *database.LIBRARY_ERRORS) as error:
        raise database.translated(error, store.path) from error


def remove(store: TenantStore, now_ms: int, pause: Callable[[], object]) -> Removed:
    removed = Removed()
    with store.lock:
        kept = settings.read(store.database)
        newest = store.database.execute_sql("SELECT received_ms FROM batch ORDER BY id DESC LIMIT 1").fetchone()
    if kept.keep_ms is None and kept.keep_bytes is None:
        return removed
    if newest is None:
        return removed
    if kept.keep_ms is not None:
        if now_ms - newest[0] > CLOCK_AHEAD_MS:
            raise BadConfiguration(
                f"nothing of tenant {store.tenant} was removed, for the clock is {(now_ms - newest[0]) / DAY_MS:,.0f} "
                "days ahead of what was last received: set it right, or wait until something is received."
            )
        remove_before(store, limit_of(kept.keep_ms, now_ms), removed, pause)
    if kept.keep_bytes is not None:
        remove_down_to(store, kept.keep_bytes, removed, pause)
    # By what was last received, and not by a clock that may be wrong.
    remove_batches(store, min(now_ms, newest[0]) - max(DIGESTS_MS, kept.keep_ms or 0), removed, pause)
    layouts = sorted(removed.layouts)
    for at in range(0, len(layouts), STEP_LAYOUTS):
        with store.lock, store.database.atomic("IMMEDIATE"):
            blocks.remove_unused(store.database, set(layouts[at : at + STEP_LAYOUTS]))
        pause()
    give_back(store, pause)
    return removed


def limit_of(keep_ms: int, now_ms: int) -> int:
    """Return the time before which samples go: a day's begin (UTC), or an hour's where little is kept."""
    step = DAY_MS if keep_ms >= COARSE_MS else HOUR_MS
    return (now_ms - keep_ms) // step * step


def kinds(store: TenantStore) -> list[tuple[int, str]]:
    """Return the machines and groups that there are blocks of, without looking at the blocks."""
    with store.lock:
        found = store.database.execute_sql(
            "WITH RECURSIVE pair(machine, kind) AS (SELECT * FROM (SELECT machine, kind FROM block "
            "ORDER BY machine, kind LIMIT 1) UNION ALL SELECT next.machine, next.kind FROM pair, block AS next "
            "WHERE next.rowid = (SELECT rowid FROM block WHERE (machine, kind) > (pair.machine, pair.kind) "
            "ORDER BY machine, kind LIMIT 1)) SELECT machine, kind FROM pair"
        )
        return [(machine, kind) for machine, kind in found]


def remove_before(store: TenantStore, limit_ms: int, removed: Removed, pause: Callable[[], object]) -> None:
    for machine, kind in kinds(store):
        with store.lock:
            (count,) = store.database.execute_sql(COUNT, (machine, kind, limit_ms)).fetchone()
        # No more than there are now: who sends what is too old already, and fast, would keep this from its end.
        for _ in range(-(-count // STEP_BLOCKS)):
            if not step(store, machine, kind, limit_ms, removed):
                break
            pause()


def step(store: TenantStore, machine: int, kind: str, limit_ms: int, removed: Removed) -> bool:
    """Remove some blocks, or parts of them, before a time in one transaction; say whether there were any."""
    with store.lock, store.database.atomic("IMMEDIATE"):
        store.check_there()
        settings.allow_growth(store.database)
        found = store.database.execute_sql(BEFORE, (machine, kind, limit_ms, STEP_BLOCKS)).fetchall()
        gone = []
        for number, end_ms, layout, samples in found:
            dropped = samples if end_ms < limit_ms else cut(store, machine, number, limit_ms)
            if dropped:
                gone.append(number)
                removed.samples += dropped
                removed.layouts.add(layout)
        Block.delete().where(Block.id.in_(gone)).execute(store.database)
    removed.blocks += len(gone)
    return bool(gone)


def cut(store: TenantStore, machine: int, number: int, limit_ms: int) -> int:
    """Store what a block has from a time on as another one; return how many samples that leaves out."""
    row = Row(*store.database.execute_sql(blocks.SELECT + "WHERE b.id = ?", (number,)).fetchone())
    try:
        samples = blocks.read(row)
    except BadData as error:
        # It goes as a whole when it is over.
        logger.warning("%s: a block is not cut: %s", store.path, error.message)
        return 0
    kept = blocks.within(samples, limit_ms, int(samples.at_ms[-1]))
    if kept is None:
        return len(samples.at_ms)
    blocks.insert(store.database, machine, *blocks.encode(kept))
    return len(samples.at_ms) - len(kept.at_ms)


def remove_down_to(store: TenantStore, keep_bytes: int, removed: Removed, pause: Callable[[], object]) -> None:
    """Remove the oldest days until a file has no more bytes; the newest day stays."""
    pairs = kinds(store)
    while True:
        with store.lock:
            used = settings.used_bytes(store.database)
            firsts = [store.database.execute_sql(FIRST, pair).fetchone()[0] for pair in pairs]
            lasts = [store.database.execute_sql(LAST, pair).fetchone()[0] for pair in pairs]
        first, last = (
            min((at for at in firsts if at is not None), default=0),
            max((at for at in lasts if at is not None), default=0),
        )
        limit_ms = (first // DAY_MS + 1) * DAY_MS
        if used <= keep_bytes or last < limit_ms:
            return
        for pair, start in zip(pairs, firsts, strict=True):
            while start is not None and start < limit_ms and step(store, *pair, limit_ms, removed):
                pause()


def remove_batches(store: TenantStore, limit_ms: int, removed: Removed, pause: Callable[[], object]) -> None:
    """Forget batches that were received before a time; they are in its order."""
    while True:
        with store.lock, store.database.atomic("IMMEDIATE"):
            (last,) = store.database.execute_sql(OLD_BATCHES, (STEP_BATCHES, limit_ms)).fetchone()
            if last is None:
                return
            gone = store.database.execute_sql("DELETE FROM batch WHERE id <= ?", (last,)).rowcount
        removed.batches += gone
        pause()


def give_back(store: TenantStore, pause: Callable[[], object]) -> None:
    """Give the pages that are not used any more back to the file system."""
    unused = None
    while True:
        with store.lock:
            before, unused = unused, settings.pragma(store.database, "freelist_count")
            # A file that another program has made may give nothing back.
            if not unused or unused == before:
                return
            store.database.execute_sql(f"PRAGMA incremental_vacuum({STEP_PAGES})").fetchall()
        pause()
