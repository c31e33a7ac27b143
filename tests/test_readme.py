"""README's examples, each run as it stands by someone with an empty home; only the times and the port are others."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
PROGRAMS = Path(sys.executable).parent
BY_MAKE = ("make run", "make test")


def sections() -> dict[str, list[str]]:
    """The shell examples of each section of the README."""
    parts = re.split(r"^## (.+)$", README.read_text(), flags=re.MULTILINE)[1:]
    return {
        title: re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)
        for title, text in zip(parts[::2], parts[1::2], strict=True)
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@pytest.mark.parametrize("title", ["One box", "A receiver and many boxes", "A site without a network"])
def test_each_way_works_as_it_is_written(title: str, tmp_path: Path, environment: dict[str, str]) -> None:
    script = "set -e\n" + "\n".join(sections()[title])
    # The receiver needs a moment before the first box sends; a person types slower than this script.
    script = script.replace("127.0.0.1:8080 &\n", "127.0.0.1:8080 &\nsleep 3\n")
    script = script.replace("--duration 60s", "--duration 4s").replace(":8080", f":{free_port()}")

    shell = subprocess.Popen(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={**environment, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        code = shell.wait(120)
    finally:
        # The receiver that the example leaves in the background.
        if subprocess.run(["pkill", "-0", "-g", str(shell.pid)], check=False).returncode == 0:
            os.killpg(shell.pid, signal.SIGTERM)
        assert shell.stdout is not None
        said = shell.stdout.read()
        shell.stdout.close()

    assert code == 0, said
    page = (tmp_path / "site" / "index.html").read_text()
    assert "<h1" in page
    if title != "One box":
        assert "web-1" in page


def test_backups_and_moving_work_as_they_are_written(tmp_path: Path, environment: dict[str, str]) -> None:
    """With a receiver that runs meanwhile, and some history of a tenant."""
    script = f"""set -e
        perfanalysis tenant create team-a
        perfanalysis collect --duration 1s --interval 500ms --machine-id web-1 --collection web-1.json
        perfanalysis import web-1.json
        perfanalysis serve --listen 127.0.0.1:{free_port()} & trap "kill $!" EXIT
        sleep 2
        """ + "\n".join(sections()["Backups and moving"])

    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={**environment, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "every one verified" in done.stdout
    assert "web-1 " in done.stdout
    assert (tmp_path / "other.key").read_text().startswith("pa1_")


def test_the_set_up_is_two_commands_of_the_makefile() -> None:
    makefile = (README.parent / "Makefile").read_text()

    assert [example.strip() for example in sections()["Set up"]] == list(BY_MAKE)
    assert all(re.search(rf"^{command.removeprefix('make ')}:", makefile, re.MULTILINE) for command in BY_MAKE)


def test_every_file_that_the_readme_shows_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text()):
        assert (README.parent / target).exists(), target
