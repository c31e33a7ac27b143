"""The house rules that a machine can hold: imports point one way, packages have one home, lists are complete."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from appliance import procfs
from appliance.analysis import findings
from appliance.cli import COMMANDS
from appliance.procfs import parsers

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*ROOT.glob("appliance/**/*.py"), *ROOT.glob("static_site/**/*.py")])
HOMES = {
    "psutil": ["appliance/collect"],
    "peewee": ["appliance/store"],
    "bottle": ["appliance/receive"],
    "waitress": ["appliance/receive"],
    "multipart": ["appliance/receive"],
    "httptools": ["appliance/ship"],
    "matplotlib": ["static_site"],
    "jinja2": ["static_site"],
    "click": ["appliance/cli"],
    "yaml": ["appliance/cli"],
    "pandas": ["appliance/analysis", "appliance/formats", "static_site"],
    "numpy": ["appliance/samples.py", "appliance/store", "appliance/analysis", "appliance/formats", "static_site"],
}
# What a package of ours may import of ours; itself and the plain modules of `appliance` always.
MAY_IMPORT = {
    "procfs": set(),
    "collect": set(),
    "ship": set(),
    "store": {"procfs"},
    "analysis": {"procfs"},
    "formats": {"procfs", "analysis"},
    "receive": {"procfs", "store", "analysis", "formats"},
}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_each_third_party_package_has_one_home() -> None:
    strays = [
        f"{path.relative_to(ROOT)} imports {package}"
        for path in SOURCES
        for package, homes in HOMES.items()
        if any(name == package or name.startswith(package + ".") for name in imports(path))
        and not any(str(path.relative_to(ROOT)).startswith(home) for home in homes)
    ]

    assert strays == []


def test_imports_point_towards_the_catalogue() -> None:
    strays = []
    for path in SOURCES:
        parts = path.relative_to(ROOT).parts
        package = parts[1] if parts[0] == "appliance" and len(parts) > 2 else None
        for name in imports(path):
            target = name.split(".")[1] if name.startswith("appliance.") else None
            if package in MAY_IMPORT and target in {*MAY_IMPORT, "cli"} - {package} - MAY_IMPORT[package]:
                strays.append(f"{path.relative_to(ROOT)} imports {name}")
            if parts[0] == "appliance" and package != "cli" and name.split(".")[0] == "static_site":
                strays.append(f"{path.relative_to(ROOT)} imports {name}")
            if parts[0] == "static_site" and target in {"store", "receive", "collect", "ship", "cli", "formats"}:
                strays.append(f"{path.relative_to(ROOT)} imports {name}")

    assert strays == []


@pytest.mark.parametrize("command", [["--version"], ["collect", "--help"]])
def test_light_commands_load_no_heavy_package(command: list[str]) -> None:
    heavy = ("numpy", "pandas", "matplotlib", "peewee", "bottle", "jinja2")
    program = (
        "import sys, appliance.__main__ as entry, contextlib, io\n"
        f"sys.argv = ['perfanalysis', *{command!r}]\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): entry.main()\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert loaded.strip() == "[]"


def test_a_receiver_that_waits_has_not_loaded_what_reads_files_or_draws_pages() -> None:
    """It would need twice the memory, for uploads, exports and people that may never come."""
    program = (
        "import sys, appliance.receive.server, appliance.receive.application, appliance.cli.serve\n"
        "print([name for name in ('pandas', 'matplotlib', 'jinja2', 'static_site') if name in sys.modules])"
    )

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert loaded.strip() == "[]"


def test_a_page_of_the_receiver_is_drawn_without_what_reads_files_or_draws_charts() -> None:
    program = (
        "import sys, static_site.receiver as pages, appliance.views as views\n"
        "assert b'Sign in' in pages.page(views.SignIn('', '/'))\n"
        "print([name for name in ('pandas', 'matplotlib') if name in sys.modules])"
    )

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert loaded.strip() == "[]"


def test_a_recorder_has_loaded_nothing_that_it_can_do_without() -> None:
    """It runs for months on machines that have something else to do: `dataclasses` brings a megabyte, click two."""
    program = (
        "import sys, appliance.collector, appliance.collect.recorder, appliance.collect.rotation\n"
        "unwanted = ('dataclasses', 'inspect', 'click', 'ctypes', 'psutil', 'ssl')\n"
        "print([name for name in unwanted if name in sys.modules])"
    )

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert loaded.strip() == "[]"


def test_every_parser_is_on_its_list() -> None:
    modules = {path.stem for path in Path(procfs.__file__).parent.glob("*.py")} - {"__init__", "parsers"}
    listed = {parse.__module__.rpartition(".")[2] for _, _, parse in parsers.PARSERS}

    # cpuinfo gives facts, not values.
    assert modules - listed == {"cpuinfo"}


def test_every_finding_is_on_its_list() -> None:
    others = {"__init__", "disks", "finding", "episodes", "explain", "occurrences", "rule", "shares"}
    modules = {path.stem for path in Path(findings.__file__).parent.glob("*.py")} - others

    assert {rule.check.__module__.rpartition(".")[2] for rule in findings.RULES} == modules


def test_every_command_is_on_its_list() -> None:
    others = {"__init__", "dropped", "generation", "options", "progress", "report_settings", "tables"}
    modules = {path.stem for path in (ROOT / "appliance/cli").glob("*.py")} - others

    assert {module for _, module, _ in COMMANDS} == modules


def test_packaging_is_no_package() -> None:
    """As a package it would hide PyPI's `packaging` from matplotlib."""
    assert not list((ROOT / "packaging").glob("*.py"))
    assert set(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    ) == {
        "appliance*",
        "static_site*",
    }
