"""Settings of a report: option before environment before file before default; what is not known is said."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

RunProgram = Callable[..., subprocess.CompletedProcess[str]]
CSV = """timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available
1767225600,web-1,25.5,10.2,60.3,4.0,16777216,8388608,12582912
1767225660,web-1,26.1,10.5,59.4,4.0,16777216,8355840,12550144
1767225720,web-1,26.1,10.5,59.4,4.0,16777216,8355840,12550144
"""


@pytest.fixture
def report(run_program: RunProgram, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    (tmp_path / "one.csv").write_text(CSV)

    def call(settings: str, *options: str, **more: object) -> subprocess.CompletedProcess[str]:
        (tmp_path / "report.yaml").write_text(settings)
        files = ("--data-file", "one.csv", "--output", "site", "--config", "report.yaml")
        return run_program("report", *files, *options, **more)

    return call


def test_an_option_beats_the_environment_beats_the_file_beats_the_default(report: RunProgram, tmp_path: Path) -> None:
    def theme(*options: str, file: str = "report: {theme: dark}", env: dict[str, str] | None = None) -> str:
        done = report(file, *options, env=env or {})
        assert done.returncode == 0, done.stderr
        first = (tmp_path / "site/index.html").read_text().split(">")[1]
        return first.partition("data-theme=")[2].strip('"') or "system"

    light = {"PERFANALYSIS_REPORT_THEME": "light"}
    assert theme("--theme", "system", env=light) == "system"
    assert theme(env=light) == "light"
    assert theme() == "dark"
    assert theme(file="") == "system"


def test_a_machine_has_the_name_and_the_old_addresses_of_the_file(report: RunProgram, tmp_path: Path) -> None:
    done = report("machines:\n- {id: web-1, name: The <b>shop, formerly: [old box]}\n")

    assert done.returncode == 0, done.stderr
    assert "The &lt;b&gt;shop" in (tmp_path / "site/m/web-1/index.html").read_text()
    assert 'href="../web-1/cpu.html"' in (tmp_path / "site/m/old-box/cpu.html").read_text()
    assert json.loads((tmp_path / "site/site.json").read_text())["redirects"] == {"old-box": "web-1"}


def test_a_report_without_charts_has_their_tables(report: RunProgram, tmp_path: Path) -> None:
    done = report("", "--no-charts")

    page = (tmp_path / "site/m/web-1/cpu.html").read_text()
    assert done.returncode == 0, done.stderr
    assert "<figure" not in page
    assert 'id="cpu-modes-values"' in page


def test_a_text_may_come_from_the_environment(report: RunProgram, tmp_path: Path) -> None:
    settings = "machines: [{id: web-1, name: '${SHOP} one'}]"

    done = report(settings, env={"SHOP": "Shop"})
    missing = report(settings)

    assert done.returncode == 0, done.stderr
    assert "Shop one" in (tmp_path / "site/index.html").read_text()
    assert missing.returncode == 65
    assert "report.yaml names ${SHOP}, and the environment has no SHOP." in missing.stderr


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("report: {them: dark}", "report.them is no setting. Did you mean 'theme'?"),
        ("reprot: {}", "reprot is no setting. Did you mean 'report'?"),
        (
            "machines: [{id: a, primary_dsik: sda}]",
            "machines[1].primary_dsik is no setting. Did you mean 'primary_disk'?",
        ),
        ("machines: [{name: a}]", "machines[1] has no id"),
        ("machines: [{id: 7}]", "machines[1] has no id"),
        ("machines: [{id: a}, {id: a}]", "the id 'a' is there twice"),
        ("machines: {a: b}", "machines is no list"),
        ("machines: [{id: a, name: 5}]", "machines[1].name is no text"),
        ("machines: [{id: a, formerly: b}]", "machines[1].formerly is no list of ids"),
        ("report: {theme: pink}", "report.theme is 'pink': write system, light or dark."),
        ("report: {charts: maybe}", "report.charts is 'maybe'"),
        ("report: [1]", "report is not made of lines"),
        ("a: [", "report.yaml line 1 is no YAML"),
    ],
)
def test_what_the_file_says_wrongly_is_one_sentence(
    report: RunProgram, tmp_path: Path, settings: str, sentence: str
) -> None:
    done = report(settings)

    assert done.returncode == 65
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "site").exists()


def test_a_file_that_is_not_there_is_one_sentence(run_program: RunProgram, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(CSV)

    done = run_program("report", "--data-file", "one.csv", "--output", "site", "--config", "gone.yaml")

    assert done.returncode == 66
    assert done.stderr == "perfanalysis: gone.yaml cannot be read: No such file or directory.\n"
