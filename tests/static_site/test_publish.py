import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.errors import InputOutput, UsageError
from static_site.publish import publish, sweep

FILES = {
    "site.json": json.dumps({"generator": "perfanalysis"}).encode(),
    "index.html": b"first",
    "m/a/index.html": b"a",
}


def test_a_site_is_written_with_its_folders(tmp_path: Path) -> None:
    publish(FILES, tmp_path / "deep" / "site")

    site = tmp_path / "deep" / "site"
    assert {str(path.relative_to(site)): path.read_bytes() for path in site.rglob("*") if path.is_file()} == FILES
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["site"]


def test_an_older_site_is_replaced_whole(tmp_path: Path) -> None:
    publish(FILES, tmp_path / "site")

    publish({"site.json": FILES["site.json"], "index.html": b"second"}, tmp_path / "site")

    assert (tmp_path / "site" / "index.html").read_bytes() == b"second"
    assert not (tmp_path / "site" / "m").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_reader_never_finds_half_a_site(tmp_path: Path) -> None:
    site = tmp_path / "site"
    versions = [{**FILES, "index.html": b"%d" % number, "m/a/index.html": b"%d" % number} for number in range(2)]
    publish(versions[0], site)
    seen, done = [], threading.Event()

    def look() -> None:
        while not done.is_set():
            folder = os.open(site, os.O_RDONLY)
            pair = []
            for name in ("index.html", "m/a/index.html"):
                try:
                    descriptor = os.open(name, os.O_RDONLY, dir_fd=folder)
                except FileNotFoundError:
                    # The folder was replaced and taken away between: the next look finds the new one.
                    break
                pair.append(os.read(descriptor, 10))
                os.close(descriptor)
            os.close(folder)
            if len(pair) == 2:
                seen.append(tuple(pair))

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(30):
        publish(versions[number % 2], site)
    done.set()
    reader.join()

    assert set(seen) <= {(b"0", b"0"), (b"1", b"1")}
    assert seen


@pytest.mark.parametrize(
    "content",
    [
        {"notes.txt": b"mine"},
        {"site.json": b"{}"},
        {"site.json": b"[1]"},
        {"site.json": b"\xff"},
        {"index.html": b"other"},
    ],
)
def test_a_folder_of_somebody_else_is_refused_and_left_as_it_is(tmp_path: Path, content: dict[str, bytes]) -> None:
    (tmp_path / "site").mkdir()
    for name, body in content.items():
        (tmp_path / "site" / name).write_bytes(body)

    with pytest.raises(UsageError, match="is not a site of ours"):
        publish(FILES, tmp_path / "site")

    assert {path.name: path.read_bytes() for path in (tmp_path / "site").iterdir()} == content


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("mine")

    with pytest.raises(UsageError, match="is not a site of ours"):
        publish(FILES, tmp_path / "site")


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()

    publish(FILES, tmp_path / "site")

    assert (tmp_path / "site" / "index.html").exists()


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "site").symlink_to(tmp_path / "real")

    publish(FILES, tmp_path / "site")

    assert (tmp_path / "site").is_symlink()
    assert (tmp_path / "real" / "index.html").exists()


def test_a_place_that_cannot_be_written_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(InputOutput, match="the site cannot be written to .*file/site: "):
        publish(FILES, tmp_path / "file" / "site")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_others_may_read_a_site(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        publish(FILES, tmp_path / "site")
    finally:
        os.umask(before)

    assert (tmp_path / "site").stat().st_mode & 0o777 == 0o755


PUBLISH_UNTIL_KILLED = """
import sys
from pathlib import Path
from static_site.publish import publish

files = {"site.json": b'{"generator": "perfanalysis"}'}
files.update({f"m/{number}.html": b"x" * 4096 for number in range(int(sys.argv[2]))})
publish(files, Path(sys.argv[1]))
"""


@contextmanager
def publishing(site: Path, files: int = 50_000) -> Iterator[subprocess.Popen[bytes]]:
    """Start another process that publishes, wait until it has begun to write, and stop it for a while there."""
    process = subprocess.Popen([sys.executable, "-c", PUBLISH_UNTIL_KILLED, str(site), str(files)])
    try:
        deadline = time.monotonic() + 60
        while not list(site.parent.glob(f".{site.name}.*/m/9.html")):
            assert process.poll() is None, "it was done before it could be stopped"
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.send_signal(signal.SIGSTOP)
        yield process
    finally:
        process.kill()
        process.wait()


def test_what_a_killed_publication_left_is_swept_by_the_next(tmp_path: Path) -> None:
    with publishing(tmp_path / "site"):
        pass
    assert len(list(tmp_path.glob(".site.*"))) == 1

    publish(FILES, tmp_path / "site")

    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_publication_that_still_runs_is_not_swept(tmp_path: Path) -> None:
    with publishing(tmp_path / "site", 2000) as other:
        publish(FILES, tmp_path / "site")

        assert len(list(tmp_path.glob(".site.*/site.json"))) == 1
        other.send_signal(signal.SIGCONT)
        assert other.wait(timeout=120) == 0

    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    assert len(list((tmp_path / "site" / "m").iterdir())) == 2000


def test_only_folders_that_a_publication_made_are_swept(tmp_path: Path) -> None:
    mine = [".site.bak", ".site.0123456789abcde", ".site.0123456789abcdef.txt", ".other.0123456789abcdef", "site.old"]
    for name in mine:
        (tmp_path / name).mkdir()
    (tmp_path / ".site.fedcba9876543210").write_text("a file")
    (tmp_path / ".site.0000000000000000").symlink_to(tmp_path / ".site.bak")
    abandoned = tmp_path / ".site.0123456789abcdef"
    abandoned.mkdir()

    publish(FILES, tmp_path / "site")

    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*mine, "site", ".site.fedcba9876543210", ".site.0000000000000000"}


def test_the_only_old_site_there_is_outlives_a_failed_replacement(tmp_path: Path) -> None:
    """Where the kernel cannot exchange two folders, a publication may be killed between its two renames."""
    old = tmp_path / ".site.0123456789abcdef.old"
    old.mkdir()

    sweep(tmp_path / "site")
    assert old.exists()

    publish(FILES, tmp_path / "site")
    publish(FILES, tmp_path / "site")
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
