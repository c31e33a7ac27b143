"""The boundary of every program: what goes wrong becomes one sentence on standard error, and an exit code."""

import os
import sys
from collections.abc import Callable
from typing import TextIO

from appliance.errors import PerfanalysisError

INTERNAL, INTERRUPTED = 70, 130


def guarded(program: str, action: Callable[[], int]) -> int:
    """Do what a program does and return its exit code; what goes wrong is said in one sentence."""
    try:
        return action()
    except PerfanalysisError as error:
        return complain(program, error.message, error.exit_code)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        # A defect becomes a sentence.
        if os.environ.get("PERFANALYSIS_DEBUG"):
            raise
        return complain(
            program,
            f"a defect: {type(error).__name__}: {error}. Set PERFANALYSIS_DEBUG=1 to see where, and report it.",
            INTERNAL,
        )
    finally:
        for stream in (sys.stdout, sys.stderr):
            let_go(stream)


def let_go(stream: TextIO | None) -> None:
    """Forget what nobody reads any more: Python would end with a code of its own, for it tries again at the end."""
    if stream is None or stream.closed:
        return
    try:
        stream.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def complain(program: str, sentence: str, code: int) -> int:
    """Print one line on standard error, control characters made visible, and return the exit code."""
    tell(f"{program}: {' '.join(sentence.split())}")
    return code


def tell(sentence: str) -> None:
    """Say something to a person, on standard error."""
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in sentence)
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
