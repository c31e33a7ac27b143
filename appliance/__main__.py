"""The entry point of every program name: pcc, pcd and pcprocess are commands of perfanalysis by another name."""

import os
import sys
from pathlib import Path

from appliance import __version__, handover


def main() -> None:
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["version"]):
        # Answered before click is loaded: scripts ask this often.
        print(f"perfanalysis {__version__}")
        return
    if (handed := os.environ.pop(handover.VARIABLE, "")) != "":
        from appliance import collector

        sys.exit(collector.resume(handover.take(handed)))
    from appliance.cli import run_command

    sys.exit(run_command(arguments, Path(sys.argv[0]).name))


if __name__ == "__main__":
    main()
