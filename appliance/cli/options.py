"""Options and arguments that several commands have, and what they mean."""

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import click

from appliance import duration, moment
from appliance.errors import UsageError

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
SYSTEM_DATA = Path("/var/lib/perfanalysis")


class Grouped(click.Command):
    """A command with many options: its help has a heading for each group of them, and the rest come last."""

    def __init__(self, *args: Any, headings: Mapping[str, Sequence[str]], **settings: Any) -> None:
        """`headings` has the names of the parameters below each heading, in order."""
        super().__init__(*args, **settings)
        self.headings = headings

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        records = {param.name: param.get_help_record(ctx) for param in self.get_params(ctx)}
        groups = [(heading, [records.pop(name) for name in names]) for heading, names in self.headings.items()]
        for heading, rows in [*groups, ("Options", list(records.values()))]:
            with formatter.section(heading):
                formatter.write_dl([row for row in rows if row is not None])


class Duration(click.ParamType[float]):
    """A duration such as 60s, 5m or 1h30m, as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, (int, float)):
            return float(value)
        try:
            return duration.parse(value)
        except UsageError as error:
            self.fail(error.message, param, ctx)


class Size(click.ParamType[int]):
    """A size such as 100MB, 2GiB or 500k, as bytes."""

    name = "size"
    units: ClassVar[dict[str, int]] = {"": 1, "b": 1} | {
        prefix + tail: factor**power
        for power, prefix in enumerate("kmgt", 1)
        for tail, factor in (("", 1000), ("b", 1000), ("ib", 1024))
    }

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([a-z]*)", value.strip().lower(), re.ASCII)
        if not found or found[2] not in self.units:
            self.fail(f"{value[:40]!r} is not a size: write it like 100MB, 2GB or 500MiB.", param, ctx)
        return round(float(found[1]) * self.units[found[2]])


class Flush(Duration):
    """How long what is written may wait to be on the disk: None is for ever, 0 not at all."""

    name = "flush"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        words = {"never": None, "sample": 0.0}
        return words[value] if value in words else super().convert(value, param, ctx)


class FutureTime(click.ParamType[int]):
    """A time to come: a duration from now such as 90d, or a date or time; as Unix milliseconds."""

    name = "time"

    def __init__(self, *, end: bool) -> None:
        """A date is its first moment, or as an `end` its last."""
        self.end = end

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        now_ms = time.time_ns() // 1_000_000
        try:
            if value.strip() != "0" and duration.PART.match(value.strip()) and "-" not in value:
                return now_ms + round(duration.parse(value) * 1000)
            return moment.parse(value.strip(), end=self.end)
        except UsageError:
            self.fail(f"{value[:40]!r} is no time: write 90d, 12h, 2026-12-31 or 2026-12-31T12:00:00Z.", param, ctx)


def json_option(function: Decorated) -> Decorated:
    """Give a command `--json`: its answer for programs."""
    return click.option("--json", "as_json", is_flag=True, help="For programs; times are ISO 8601 in UTC.")(function)


def data_option(function: Decorated) -> Decorated:
    """Give a command `--data`: the data folder, as a Path."""
    return click.option(
        "--data", type=click.Path(path_type=Path, file_okay=True), envvar="PERFANALYSIS_DATA", default=default_data,
        metavar="DIR", help="The data folder.",
        show_default=f"{SYSTEM_DATA} where it is writable, else ./perfanalysis-data",
    )(function)  # fmt: skip


def default_data() -> Path:
    return SYSTEM_DATA if os.access(SYSTEM_DATA, os.W_OK) else Path("perfanalysis-data")


def state_option(function: Decorated) -> Decorated:
    """Give a command `--state`: where collectors keep what outlives them; a service's systemd names it."""
    return click.option(
        "--state", type=click.Path(path_type=Path), envvar="PERFANALYSIS_STATE", default=default_state, metavar="DIR",
        help="Where collectors leave how they are, and what waits. [default: ~/.local/state/perfanalysis]",
    )(function)  # fmt: skip


def default_state() -> Path:
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    kept = os.environ.get("XDG_STATE_HOME", "")
    return Path(given) if given else (Path(kept) if kept else Path.home() / ".local" / "state") / "perfanalysis"


def tenant_option(function: Decorated) -> Decorated:
    """Give a command `--tenant`: a tenant's name, or None for the only one."""
    return click.option(
        "--tenant", envvar=["PERFANALYSIS_TENANT", "XATBACKEND_TENANT_ID", "TENANT_ID"], metavar="NAME",
        help="The tenant; not needed where there is only one.",
    )(function)  # fmt: skip
