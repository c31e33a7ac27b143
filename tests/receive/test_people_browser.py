"""The receiver's pages in a real browser: signing in, uploads with and without scripts, hostile names, other sites."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from driven_browser import Browser, found
from receiver_peer import CSV_HEADER, Peer, csv_text

from appliance.store import history
from appliance.store.tenant import site_of
from static_site import publish

PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<style>@import '//evil.example/x';</style>",
    "<a href=javascript:alert(1)>x</a>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'>",
    "{{7*7}}${7*7}<%= 7*7 %>%s{0.__class__}",
    "&lt;b&gt;&amp;#x27;",
    "javascript:alert(1)//",
    "<math><mtext><mglyph><style><!--</style><img title='--><img src=x onerror=alert(1)>'>",
]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = found()
    if program is None:
        pytest.skip("needs chromium, to use pages as people do")
    browser = Browser(program, tmp_path_factory.mktemp("browser") / "profile")
    try:
        yield browser
    finally:
        browser.close()


@pytest.fixture
def browser(started: Browser) -> Browser:
    started.forget()
    return started


def url(peer: Peer, path: str = "/") -> str:
    return f"http://{peer.address[0]}:{peer.address[1]}{path}"


def sign_in(browser: Browser, peer: Peer, key: str = "") -> None:
    browser.open(url(peer))
    browser.wait_for("document.activeElement.id === 'key'")
    browser.type(key or peer.key)
    browser.pressing("Enter")
    assert "Sign out" in browser.text()


def upload(browser: Browser) -> str:
    """Press the button of the form and return what became of it."""
    browser.run("document.getElementById('result').replaceChildren()")
    browser.run("document.querySelector('#upload-form button[type=submit]').click()")
    browser.wait_for("document.querySelector('#result h2') !== null")
    return str(browser.run("document.getElementById('result').innerText"))


def complaints(browser: Browser) -> list[str]:
    """What the browser said that nobody expected."""
    return [line for line in browser.said if "status of 4" not in line and "Clear-Site-Data" not in line]


def foreign(browser: Browser, peer: Peer) -> list[str]:
    """What the browser asked of anyone but the receiver."""
    return [asked for asked in browser.requests if not asked.startswith((url(peer), "data:", "about:"))]


def named(tmp_path: Path, content: str, name: str = "web-1.csv") -> Path:
    path = tmp_path / name
    path.write_text(content)
    return path


def test_a_person_signs_in_uploads_and_signs_out_by_the_keyboard_alone(
    browser: Browser, peer: Peer, tmp_path: Path
) -> None:
    sign_in(browser, peer)
    reached = []
    for _ in range(12):
        browser.press("Tab")
        reached.append(browser.run(
            "(e => [e.textContent.trim() || e.id || e.name, (e.labels && e.labels[0] || e).textContent.trim(), "
            "getComputedStyle(e).outlineStyle])(document.activeElement)"
        ))  # fmt: skip
    browser.choose("#file", named(tmp_path, csv_text()))
    browser.wait_for("document.getElementById('machine_id').value === 'web-1'")
    browser.focus("#machine_id")
    browser.press("Enter")
    browser.wait_for("document.querySelector('#result h2') !== null")
    result = browser.text()
    browser.run("document.querySelector('.out button').focus()")
    browser.pressing("Enter")

    names = [name for name, _, _ in reached]
    assert names[:5] == ["Skip to content", "perfanalysis", "Stored", "Sign out", "file"]
    assert names[5:7] == ["machine_id", "Upload"]
    assert all(label and outline != "none" for name, label, outline in reached[:7] if name)
    assert "3 samples stored" in result
    assert "3 samples of 1 machine" in result
    assert "Sign out" not in browser.text()
    assert complaints(browser) == []


def test_without_scripts_the_form_works_all_the_same(browser: Browser, peer: Peer, tmp_path: Path) -> None:
    browser.scripts(on=False)
    try:
        sign_in(browser, peer)
        browser.choose("#file", named(tmp_path, csv_text()))
        browser.focus("#machine_id")
        browser.type("web-7")
        browser.pressing("Enter")
        stored = browser.text()
        browser.choose("#file", named(tmp_path, csv_text().replace("10.2", "ten", 1)))
        browser.focus("#machine_id")
        browser.pressing("Enter")
        refused = browser.text()
    finally:
        browser.scripts(on=True)

    assert "3 samples stored" in stored
    assert "drop the file" not in stored
    assert "Line 2, column cpu_system: 'ten' is not a number." in refused
    assert [one.machine_id for one in history.machines(peer.application.stores.tenant("team-a"))] == ["web-7"]


def test_a_dropped_file_is_taken_and_its_machine_is_found_in_it(browser: Browser, peer: Peer, tmp_path: Path) -> None:
    sign_in(browser, peer)
    loaded = browser.loaded

    browser.drop("h1", named(tmp_path, csv_text("db-3"), "export.csv"))
    browser.wait_for("document.getElementById('machine_id').value === 'db-3'")
    result = upload(browser)

    assert "3 samples stored" in result
    assert browser.loaded == loaded, "the page was left"
    assert "3 samples of 1 machine" in browser.text()
    assert browser.run("[document.getElementById('file').files.length, document.activeElement.id]") == [0, "result"]
    browser.drop("#file", named(tmp_path, csv_text("db-3"), "a.csv"), named(tmp_path, csv_text(), "b.csv"))
    browser.wait_for("document.getElementById('result').innerText.includes('One file at a time')")


def test_progress_is_shown_and_an_upload_can_be_cancelled(browser: Browser, peer: Peer, tmp_path: Path) -> None:
    sign_in(browser, peer)
    browser.choose("#file", named(tmp_path, csv_text(rows=30_000)))
    browser.wait_for("document.getElementById('machine_id').value === 'web-1'")
    browser.call(
        "Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=400_000
    )
    try:
        browser.run("document.querySelector('#upload-form button[type=submit]').click()")
        browser.wait_for(
            "/^Sending: [1-9]\\d? % of 1.. MiB\\.$/.test(document.querySelector('.sending-text').innerText)"
        )
        during = browser.run(
            "[document.querySelector('#upload-form .button').disabled, document.querySelector('progress').value > 0]"
        )
        browser.run("document.getElementById('cancel').click()")
        browser.wait_for("document.getElementById('result').innerText.includes('Cancelled')")
    finally:
        browser.call(
            "Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1
        )
    stored_nothing = peer.stored_nothing()

    result = upload(browser)

    assert during == [True, True]
    assert stored_nothing
    assert "30 000 samples stored" in re.sub(r"\s", " ", result)


def test_a_file_that_is_too_large_is_not_sent(browser: Browser, peer: Peer, tmp_path: Path) -> None:
    sign_in(browser, peer)
    browser.run("document.getElementById('upload-form').dataset.maxBytes")
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate((100 << 20) + 1)
    asked = len(browser.requests)

    browser.choose("#file", large)
    browser.run("document.querySelector('#upload-form button[type=submit]').click()")

    assert "at most 100 MiB are taken" in browser.run("document.getElementById('file').validationMessage").replace(
        "\xa0", " "
    )
    assert len(browser.requests) == asked


def test_who_has_to_sign_in_again_is_told_so_on_the_page(browser: Browser, peer: Peer, tmp_path: Path) -> None:
    sign_in(browser, peer)
    browser.choose("#file", named(tmp_path, csv_text()))
    browser.wait_for("document.getElementById('machine_id').value === 'web-1'")
    peer.registry.revoke_key(peer.key)

    browser.run("document.querySelector('#upload-form button[type=submit]').click()")
    browser.wait_for("document.getElementById('result').innerText.includes('Sign in again')")

    assert "What was on its way was not stored." in browser.text()
    assert browser.run(
        "[document.getElementById('file').files.length, document.getElementById('machine_id').value]"
    ) == [1, "web-1"]
    assert peer.stored_nothing()


def test_hostile_names_run_nothing_ask_for_nothing_and_are_shown_as_they_are(
    browser: Browser, peer: Peer, tmp_path: Path
) -> None:
    store = peer.application.stores.tenant("team-a")
    for at, payload in enumerate(PAYLOADS):
        peer.upload(csv_text(f"web-{at:02}"), machine_id=f"web-{at:02}")
        history.rename(store, f"web-{at:02}", payload)

    sign_in(browser, peer)
    names = browser.run("[...document.querySelectorAll('#stored-table tbody th > bdi')].map(e => e.textContent)")
    shown = []
    for payload in PAYLOADS:
        cell = payload.replace(",", "").replace('"', "")
        content = f"{CSV_HEADER},{cell},{cell}\n"
        browser.choose("#file", named(tmp_path, content, f"{payload.replace('/', '_')[:100]}.csv"))
        browser.run("document.getElementById('machine_id').value = 'x'")
        shown.append((cell, upload(browser)))

    assert sorted(names) == sorted(name if len(name) <= 80 else f"{name[:80]}…" for name in PAYLOADS)
    assert [cell for cell, result in shown if cell[:60] not in result] == []
    assert complaints(browser) == []
    assert foreign(browser, peer) == []
    assert (
        browser.run(
            "document.querySelectorAll('main script:not([src]), main img, main iframe, base, main style').length"
        )
        == 0
    )


def test_a_script_that_ran_and_a_request_that_left_would_have_been_seen(browser: Browser, peer: Peer) -> None:
    """The control of the tests before and after this one."""
    for payload in (PAYLOADS[0], PAYLOADS[6], "<script>fetch('http://127.0.0.1:1/')</script>"):
        browser.open(f"data:text/html,{quote(payload)}")

    browser.wait(lambda: "dialog: 1" in browser.said and len(foreign(browser, peer)) > 0)


def test_a_hostile_machine_id_and_address_are_text(browser: Browser, peer: Peer, tmp_path: Path) -> None:
    browser.scripts(on=False)
    try:
        sign_in(browser, peer)
        for payload in PAYLOADS[:6]:
            browser.choose("#file", named(tmp_path, csv_text()))
            browser.call(
                "Runtime.evaluate", expression="document.getElementById('machine_id').removeAttribute('pattern')"
            )
            browser.focus("#machine_id")
            browser.run("document.getElementById('machine_id').value = ''")
            browser.type(payload[:64])
            browser.pressing("Enter")
            assert f"{payload[:64]!r} is not a machine id" in browser.text()
    finally:
        browser.scripts(on=True)
    for payload in PAYLOADS:
        browser.open(url(peer, f"/reports/{quote(payload)}?{quote(payload)}=1#{quote(payload)}"))

    assert complaints(browser) == []
    assert foreign(browser, peer) == []


def test_another_site_cannot_use_the_session(browser: Browser, peer: Peer) -> None:
    sign_in(browser, peer)
    token = browser.run("document.querySelector('[name=token]').value")
    body = f'<form id="f" method="post" action="{url(peer, "/sign-out")}"><input name="token" value="{token}"></form>'
    browser.open(f"data:text/html,{quote(body)}")

    browser.submitting("document.getElementById('f').submit()")
    refused = browser.text()
    browser.open(url(peer))

    assert "page of another site" in refused
    assert "Sign out" in browser.text()


def test_a_link_on_another_site_leads_to_the_page_of_who_has_signed_in(browser: Browser, peer: Peer) -> None:
    sign_in(browser, peer)
    browser.open(f"data:text/html,{quote(f'<a href={url(peer)}>there</a>')}")

    browser.run("document.querySelector('a').click()")
    browser.wait_for("document.body.innerText.includes('Sign out')")

    assert browser.run("location.href") == url(peer)


def test_who_signed_out_sees_nothing_by_going_back(browser: Browser, peer: Peer) -> None:
    peer.upload(csv_text("secret-1"), machine_id="secret-1")
    sign_in(browser, peer)
    before = browser.text()
    browser.submitting("document.querySelector('.out button').click()")

    asked = len(browser.requests)

    browser.run("history.back()")
    browser.wait(lambda: len(browser.requests) > asked)
    browser.wait_for("document.readyState === 'complete' && document.title.startsWith('Sign in')")

    assert "secret-1" in before
    assert "secret-1" not in browser.text()


def test_the_report_site_looks_as_from_disk(browser: Browser, peer: Peer) -> None:
    publish.publish(
        {"index.html": b'<!doctype html><title>r</title><link rel="stylesheet" href="a/pa.css"><p>report</p>'
         b'<img src="https://evil.example/x"><script>alert(1)</script>'.replace(b"<script>", b"<script>0&&"),
         "a/pa.css": b"p { font-family: system-ui }", "site.json": b'{"generator": "perfanalysis"}'},
        site_of(peer.registry.folder, "team-a"),
    )  # fmt: skip
    sign_in(browser, peer)

    browser.submitting("document.querySelector('a[href=\"/reports/\"].button').click()")

    assert browser.run("getComputedStyle(document.querySelector('p')).fontFamily") == "system-ui"
    assert [asked for asked in browser.requests if "evil" in asked and asked not in browser.blocked] == []


@pytest.mark.parametrize("width", [390, 1440])
def test_pages_fit_their_window_and_have_names_for_all_that_is_used(
    browser: Browser, peer: Peer, tmp_path: Path, width: int
) -> None:
    long = "a-very-long-name-of-a-machine-that-somebody-gave-it-without-0001"
    peer.upload(csv_text(long), machine_id=long)
    browser.size(width, 900)
    pages = {}
    browser.open(url(peer))
    pages["sign-in"] = browser.run(MEASURE)
    sign_in(browser, peer)
    pages["home"] = browser.run(MEASURE)
    browser.choose("#file", named(tmp_path, "x" * 3000))
    browser.run("document.getElementById('machine_id').value = 'x'")
    upload(browser)
    pages["refused"] = browser.run(MEASURE)
    browser.open(url(peer, "/reports/"))
    pages["no site"] = browser.run(MEASURE)
    browser.size(1440, 900)

    assert {name: page["width"] for name, page in pages.items()} == dict.fromkeys(pages, width)
    assert [(name, page["unnamed"], page["small"]) for name, page in pages.items()] == [
        (name, [], []) for name in pages
    ]
    assert {page["headings"] for page in pages.values()} == {1}


INERT = "script:not([src]), img, iframe, base, style, main a[href^=javascript]"
MEASURE = """(() => {
  const shown = (one) => one.getClientRects().length > 0;
  const used = [...document.querySelectorAll("a, button, input:not([type=hidden])")].filter(shown);
  return {
    width: document.documentElement.scrollWidth,
    headings: document.querySelectorAll("h1").length,
    unnamed: used.filter((one) => !one.textContent.trim() && !(one.labels || []).length).map((one) => one.outerHTML),
    small: used.filter((one) => !one.closest("p, .skip") && one.getBoundingClientRect().height < 24
      && !one.classList.contains("skip")).map((one) => one.outerHTML),
  };
})()"""


def test_pages_follow_a_dark_system(browser: Browser, peer: Peer) -> None:
    colours = []
    for dark in (False, True):
        browser.size(1440, 900, dark)
        browser.open(url(peer))
        colours.append(browser.run("getComputedStyle(document.body).backgroundColor"))
    browser.size(1440, 900)

    assert colours == ["rgb(255, 255, 255)", "rgb(13, 17, 23)"]
    assert complaints(browser) == []
