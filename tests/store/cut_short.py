"""What the store does that writes, tried with something that goes wrong on the way, and what is found afterwards."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from aging import MIDNIGHT, TENANT, add, make, merge_all, retain, times
from injected import Point, sweep

from appliance.errors import PerfanalysisError, StoreAside
from appliance.store import quarantine, settings
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore

CALLS = (
    "openat", "pwrite64", "write", "fallocate", "fsync,fdatasync", "ftruncate", "unlink,unlinkat", "rename",
    "mkdir,rmdir",
)  # fmt: skip
"""Every call by which SQLite and we change something on the disk; `openat` makes files too."""
BATCHES, ROWS = 4, 6
NOTES = "notes"


def batch_at(number: int) -> range:
    start = MIDNIGHT + 40 * 86_400_000 + number * 1000
    return range(start, start + ROWS * 10, 10)


class Case:
    """Of one thing that is done: what is there before, and what may be there afterwards."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "template"
        self.make()

    def make(self) -> None:
        make(self.data)
        with TenantStore(self.data, TENANT) as store:
            self.before = times(store)

    def prepare(self, place: Path) -> Callable[[], object]:
        data = place / "data"
        if self.data.exists():
            shutil.copytree(self.data, data)
        return lambda: self.act(data)

    def act(self, data: Path) -> None:
        raise NotImplementedError

    def look(self, place: Path) -> str:
        with TenantStore(place / "data", TENANT) as store:
            return self.judge(store, place)

    def judge(self, store: TenantStore, place: Path) -> str:
        raise NotImplementedError

    def sweep(self, folder: Path, call: str, what: str, step: int = 1, plus: str = "") -> list[Point]:
        return sweep(self.prepare, self.look, call, what, folder / "places", step, plus)


class Opening(Case):
    """A tenant's first file."""

    def make(self) -> None:
        pass

    def act(self, data: Path) -> None:
        registry = Registry(data)
        registry.create_tenant(TENANT)
        registry.close()
        TenantStore(data, TENANT).close()

    def judge(self, store: TenantStore, place: Path) -> str:
        add(store, batch_at(0))
        in_order = settings.pragma(store.database, "auto_vacuum") == 2 and times(store) == list(batch_at(0))
        return "whole" if in_order else "other"


class Ingest(Case):
    """Batches that are noted when they are acknowledged."""

    early = False
    """The control: they are noted before."""

    def prepare(self, place: Path) -> Callable[[], object]:
        # Opened here, where nothing fails: the process that acts has it too, and notes by a call that is not cut short.
        self.notes = os.open(place / NOTES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return super().prepare(place)

    def look(self, place: Path) -> str:
        os.close(self.notes)
        return super().look(place)

    def act(self, data: Path) -> None:
        failed: PerfanalysisError | None = None
        with TenantStore(data, TENANT) as store:
            for number in range(BATCHES):
                try:
                    if self.early:
                        os.writev(self.notes, [b"%d\n" % number])
                    add(store, batch_at(number))
                    if not self.early:
                        os.writev(self.notes, [b"%d\n" % number])
                except PerfanalysisError as error:
                    # The process goes on with the next one.
                    failed = error
        if failed is not None:
            raise failed

    def judge(self, store: TenantStore, place: Path) -> str:
        acknowledged = {int(line) for line in (place / NOTES).read_text().split()}
        found = set(times(store))
        whole = {number for number in range(BATCHES) if found >= set(batch_at(number))}
        touched = {number for number in range(BATCHES) if found & set(batch_at(number))}
        if not acknowledged <= whole:
            return "lost"
        if touched != whole:
            return "torn"
        for number in range(BATCHES):
            add(store, batch_at(number))
        return "kept" if set(times(store)) == found | {at for n in range(BATCHES) for at in batch_at(n)} else "doubled"


class Merging(Case):
    """Small blocks of three days are joined."""

    def act(self, data: Path) -> None:
        with TenantStore(data, TENANT) as store:
            merge_all(store)

    def judge(self, store: TenantStore, place: Path) -> str:
        if times(store) != self.before:
            return "other"
        merge_all(store)
        return "kept" if times(store) == self.before else "other"


class Retention(Case):
    """The oldest day goes, and its pages are given back."""

    def make(self) -> None:
        super().make()
        after = self.data.with_name("after")
        shutil.copytree(self.data, after)
        with TenantStore(after, TENANT) as store:
            retain(store)
            self.after = times(store)
        assert 0 < len(self.after) < len(self.before)

    def act(self, data: Path) -> None:
        with TenantStore(data, TENANT) as store:
            retain(store)

    def judge(self, store: TenantStore, place: Path) -> str:
        found = times(store)
        if not set(self.after) <= set(found) <= set(self.before):
            return "other"
        retain(store)
        return "kept" if times(store) == self.after else "other"


class SettingAside(Case):
    """A file goes into quarantine."""

    def act(self, data: Path) -> None:
        with suppress(OSError):
            quarantine.set_aside(data, TENANT, "it is damaged.")

    def look(self, place: Path) -> str:
        try:
            with TenantStore(place / "data", TENANT) as store:
                return "kept" if times(store) == self.before else "other"
        except StoreAside:
            return "kept"


CASES = [Opening, Ingest, Merging, Retention, SettingAside]
