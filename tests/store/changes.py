"""What changes whole tenants of a data folder, tried with something that goes wrong on the way."""

import shutil
from collections.abc import Callable
from pathlib import Path

from injected import Point, sweep
from keeping import content, fill, settled

from appliance.store import backup, change, claim, erase, restore

KILL = "signal=KILL"
Action = Callable[[Path, Path], object]
"""Of a data folder and a folder of archives."""


class Case:
    """A data folder, what is done to it, and what it then has."""

    def __init__(self, folder: Path, action: Action) -> None:
        self.data, self.action = folder / "data", action
        fill(self.data, "team-a", 1, 2, 3)
        fill(self.data, "team-b", 4, 5)
        self.archive = folder / "archive"
        self.archive.mkdir()
        backup.back_up(self.data, self.archive / "backup")
        backup.export_tenant(self.data, self.archive / "exported", "team-a")
        fill(self.data, "team-a", 6, 7)
        fill(self.data, "team-c", 8)
        self.before = content(self.data)
        done = self.copied(folder / "done")
        action(done, self.archive)
        self.after = settled(done)
        assert self.after != self.before

    def copied(self, folder: Path) -> Path:
        shutil.copytree(self.data, folder)
        return folder

    def prepare(self, place: Path) -> Callable[[], object]:
        data = self.copied(place / "data")
        return lambda: self.action(data, self.archive)

    def look(self, place: Path) -> str:
        found = settled(place / "data")
        if found in (self.before, self.after):
            return "before" if found == self.before else "after"
        return f"between: {found}"

    def sweep(self, folder: Path, call: str, what: str, step: int = 1) -> list[Point]:
        return sweep(self.prepare, self.look, call, what, folder / "places", step)


def of_all(data: Path, archive: Path) -> object:
    return restore.restore(data, archive / "backup", replace=True)


def of_one(data: Path, archive: Path) -> object:
    return restore.restore(data, archive / "backup", "team-a", replace=True)


def by_import(data: Path, archive: Path) -> object:
    return restore.import_tenant(data, archive / "exported", "team-d")


def by_erasing(data: Path, archive: Path) -> object:
    erase.erase(data, "team-a")
    return None


ACTIONS = [of_all, of_one, by_import, by_erasing]


class Finishing(Case):
    """What was decided, by a process that came no further, is finished by another."""

    def prepare(self, place: Path) -> Callable[[], object]:
        decide = super().prepare(place)
        finish, change.finish = change.finish, lambda _: None
        try:
            decide()
        finally:
            change.finish = finish
        return lambda: claim_and_leave(place / "data")


def claim_and_leave(data: Path) -> None:
    with claim.claimed(data):
        pass
