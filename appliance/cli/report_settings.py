"""Settings of a report from a YAML file: what an option or a variable of the environment says goes before."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.errors import BadData, NoInput
from appliance.spelling import meant

if TYPE_CHECKING:
    from static_site.settings import MachineSettings, Settings

SECTIONS = ("report", "machines")
FOR_MACHINES = ("primary_disk", "primary_interface")
FOR_ALL = ("theme", "charts", *FOR_MACHINES)
FOR_ONE = ("id", "name", "formerly", *FOR_MACHINES)
VARIABLE = re.compile(r"\$\{(\w+)\}")


def read(path: Path | None, options: Mapping[str, Any]) -> "Settings":
    """
    Return the settings of a report; `options` are those that were given, which go before the file's.

    Raises NoInput for a file that is not there, BadData for one that says what we do not know.
    """
    from static_site.settings import Settings

    content = {} if path is None else load(path)
    where = str(path)
    known(where, content, SECTIONS, "")
    every = {**mapping(where, content.get("report"), "report"), **options}
    known(where, every, FOR_ALL, "report.")
    theme, charts = every.get("theme", "system"), every.get("charts", True)
    check_theme(where, theme)
    if not isinstance(charts, bool):
        raise BadData(f"{where}: report.charts is {charts!r}: write true or false.")
    general = machine(where, {name: every[name] for name in FOR_MACHINES if name in every}, "report")
    found: dict[str, MachineSettings] = {}
    machines = content.get("machines") or []
    if not isinstance(machines, Sequence) or isinstance(machines, str):
        raise BadData(f"{where}: machines is no list: write a line '- id: ...' for each.")
    for number, entry in enumerate(machines, 1):
        place = f"machines[{number}]"
        one = mapping(where, entry, place)
        known(where, one, FOR_ONE, f"{place}.")
        if not isinstance(one.get("id"), str):
            raise BadData(f"{where}: {place} has no id: `perfanalysis machine list` shows them. Quote a number.")
        if one["id"] in found:
            raise BadData(f"{where}: {place}: the id {one['id']!r} is there twice.")
        # What was said on the command line is for all machines, and goes before the file.
        given = {name: options[name] for name in FOR_MACHINES if name in options}
        base = {name: every[name] for name in FOR_MACHINES if name in every}
        found[one["id"]] = machine(where, {**base, **one, **given}, place)
    return Settings(str(theme), charts, general, found)


def machine(where: str, entry: Mapping[str, Any], place: str) -> "MachineSettings":
    from static_site.settings import MachineSettings

    formerly = entry.get("formerly", [])
    if not isinstance(formerly, list) or not all(isinstance(one, str) for one in formerly):
        raise BadData(f"{where}: {place}.formerly is no list of ids.")
    texts = {name: entry.get(name, default) for name, default in (
        ("name", ""), ("primary_disk", "auto"), ("primary_interface", "auto"),
    )}  # fmt: skip
    for name, text in texts.items():
        if not isinstance(text, str):
            raise BadData(f"{where}: {place}.{name} is no text: put it into quotes.")
    return MachineSettings(**texts, formerly=tuple(formerly))


def check_theme(where: str, theme: object) -> None:
    from static_site.settings import THEMES

    if theme not in THEMES:
        raise BadData(f"{where}: report.theme is {theme!r}: write {', '.join(THEMES[:-1])} or {THEMES[-1]}.")


def load(path: Path) -> dict[str, Any]:
    """Read a file of settings, with ${NAME} taken from the environment."""
    import yaml

    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise NoInput(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise BadData(f"{path} is no text in UTF-8.") from error
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        raise BadData(f"{path}{'' if line is None else f' line {line + 1}'} is no YAML that can be read.") from error
    return mapping(str(path), expanded(str(path), content), "the file")


def expanded(where: str, content: Any) -> Any:
    if isinstance(content, dict):
        return {key: expanded(where, value) for key, value in content.items()}
    if isinstance(content, list):
        return [expanded(where, value) for value in content]
    if not isinstance(content, str):
        return content
    for name in VARIABLE.findall(content):
        if name not in os.environ:
            raise BadData(f"{where} names ${{{name}}}, and the environment has no {name}.")
    return VARIABLE.sub(lambda match: os.environ[match[1]], content)


def mapping(where: str, content: Any, place: str) -> dict[str, Any]:
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise BadData(f"{where}: {place} is not made of lines 'name: value'.")
    return content


def known(where: str, content: Mapping[str, Any], names: Sequence[str], prefix: str) -> None:
    for name in content:
        if name not in names:
            hint = meant(str(name), names) or f" There are: {', '.join(names)}."
            raise BadData(f"{where}: {prefix}{str(name)[:80]} is no setting.{hint}")
