"""Memory goes back to the system: what is free, and what only the start needed."""

import subprocess
import sys

RESIDENT = "def resident(): return int(open('/proc/self/statm').read().split()[1])\n"


def pages(program: str) -> tuple[int, int]:
    """Run a program that prints how many pages it has before and after."""
    done = subprocess.run([sys.executable, "-c", RESIDENT + program], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    return before, after


def test_what_is_free_goes_back_wherever_it_lies() -> None:
    before, after = pages(
        "from appliance import memory\n"
        "pieces = [b'x' * 9000 for _ in range(2000)]\n"
        "del pieces[:-1]\n"
        "print(resident()); memory.give_back(); print(resident())"
    )

    assert before - after > 2000


def test_what_only_the_start_needed_goes_and_the_program_goes_on() -> None:
    before, after = pages(
        "from appliance import memory\n"
        "import json, re\n"
        "print(resident()); memory.forget_start(); print(resident())\n"
        "assert json.loads(json.dumps([1.5])) == [1.5] and re.match('a+', 'aa')"
    )

    assert before - after > 100
