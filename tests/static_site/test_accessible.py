"""Every type of page under axe-core, light and dark, wide and narrow: no violation. Skipped where it cannot be had."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from drawn_machines import full, machine

from static_site.site import build

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FRAME = """<!doctype html><html lang="en"><title>frame</title><body><iframe id="frame" title="page" src="{page}"
width="{width}" height="900"></iframe><pre id="found"></pre><script>
addEventListener("load", async () => {{
  const inner = document.getElementById("frame").contentWindow;
  inner.eval({axe});
  const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = await inner.axe.run(inner.document, {{ runOnly: rules }});
  document.getElementById("found").textContent = JSON.stringify(
    found.violations.map((one) => [one.id, one.nodes.length, one.nodes[0].html.slice(0, 200)]));
}});
</script></html>"""


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core: where AXE_CORE says, else installed by npm for this run."""
    given = os.environ.get("AXE_CORE")
    if given:
        return Path(given).read_text()
    if shutil.which("npm") is None:
        pytest.skip("needs axe-core: set AXE_CORE to its axe.min.js, or install npm")
    folder = tmp_path_factory.mktemp("axe")
    command = ["npm", "install", "axe-core@4", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        pytest.skip("needs axe-core, and npm did not get it: set AXE_CORE to its axe.min.js")
    return (folder / "node_modules/axe-core/axe.min.js").read_text()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    busy = machine([5.0] * 400 + [99.0] * 60 + [5.0] * 1500, "web-2")
    site = build([full("web-1"), busy], tmp_path_factory.mktemp("axe-site") / "site").parent
    # The policy of a page forbids the test to run in it.
    for path in site.rglob("*.html"):
        path.write_text(re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", path.read_text()))
    return site


def violations(page: Path, axe: str, folder: Path, width: int, *options: str) -> list[list[object]]:
    browser = next((path for name in NAMES if (path := shutil.which(name))), None)
    if browser is None:
        pytest.skip("needs chromium, to look at pages as people do")
    frame = folder / "frame.html"
    source = json.dumps(axe).replace("</", "<\\/")
    frame.write_text(FRAME.format(page=page.as_uri(), width=width, axe=source))
    done = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
            f"--user-data-dir={folder / 'profile'}", f"--window-size={width + 40},1000",
            "--virtual-time-budget=20000", *options, "--dump-dom", frame.as_uri(),
        ],
        capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    found = re.findall(r'<pre id="found">(.*?)</pre>', done.stdout, re.S)
    assert found[-1], done.stderr[-2000:]
    loaded: list[list[object]] = json.loads(found[-1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    return loaded


WHOLE = ("index.html", "findings.html", "events.html", "data.html")
OF_MACHINE = ("m/web-1/index.html", "m/web-1/network.html", "m/web-1/process.html", "m/web-1/system.html")


@pytest.mark.parametrize("name", [*WHOLE, *OF_MACHINE, "m/web-2/cpu.html"])
def test_no_page_has_a_violation(site: Path, axe: str, tmp_path: Path, name: str) -> None:
    assert violations(site / name, axe, tmp_path, 1440) == []


@pytest.mark.parametrize("name", ["index.html", "m/web-1/index.html", "m/web-1/disk.html", "method.html"])
def test_no_page_has_a_violation_in_the_dark_on_a_telephone(site: Path, axe: str, tmp_path: Path, name: str) -> None:
    assert violations(site / name, axe, tmp_path, 390, "--blink-settings=preferredColorScheme=0") == []


def test_a_page_with_a_fault_has_a_violation(site: Path, axe: str, tmp_path: Path) -> None:
    """The control: a test that cannot fail would say nothing."""
    harmed = site / "harmed.html"
    harmed.write_text((site / "index.html").read_text().replace('<html lang="en">', "<html>"))

    assert "html-has-lang" in [one[0] for one in violations(harmed, axe, tmp_path, 1440)]
