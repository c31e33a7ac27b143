"""The command line: one command per file, imported when it is called; errors become one sentence and an exit code."""

import importlib
from collections.abc import Sequence
from typing import Any

import click

from appliance import __version__
from appliance.boundary import INTERRUPTED, complain, guarded

# (name, module, what it does), in the order of `--help`.
COMMANDS = [
    ("run", "run", "Record this machine, receive, store and report: everything in one."),
    ("collect", "collect", "Record this machine into a file, or send it to a receiver (also: pcc)."),
    ("serve", "serve", "Receive from collectors and uploads (also: pcd)."),
    ("report", "report", "Write a site from stored data or from files."),
    ("import", "import_", "Store recordings and CSV files from disk."),
    ("export", "export", "Write a machine's history as CSV."),
    ("upload", "upload", "Send a CSV file or a recording to a receiver."),
    ("status", "status", "Show the collectors of this machine: samples, spool, receiver, cost."),
    ("process", "process", "Turn a recording into CSV files (also: pcprocess)."),
    ("tenant", "tenant", "Create, list and show tenants."),
    ("key", "key", "Create, list, rotate and revoke keys."),
    ("machine", "machine", "List, show and rename machines."),
    ("version", "version", "Show the version."),
]
PROGRAMS = {"pcc": "collect", "pcd": "serve", "pcprocess": "process"}
"""The original's programs: each is one command by another name."""
SETTINGS = {"help_option_names": ["-h", "--help"]}
USAGE = 64


class Commands(click.Group):
    """The commands by name: listing them imports none."""

    def list_commands(self, _: click.Context) -> list[str]:
        return [name for name, _, _ in COMMANDS]

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        module = next((module for known, module, _ in COMMANDS if known == name), None)
        return None if module is None else importlib.import_module(f"appliance.cli.{module}").command

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, _, summary in COMMANDS])


@click.command(
    cls=Commands,
    context_settings={**SETTINGS, "auto_envvar_prefix": "PERFANALYSIS"},
    epilog="Example: perfanalysis run --duration 60s",
)
@click.version_option(__version__, message="perfanalysis %(version)s")
def perfanalysis() -> None:
    """Record the performance of Linux machines, keep its history, and write reports that say what is wrong."""


def run_command(arguments: Sequence[str], program: str) -> int:
    """Run what a program name and its arguments ask for, and return the exit code; an error is one sentence."""
    if program not in PROGRAMS:
        program = "perfanalysis"
    return guarded(program, lambda: understood(arguments, program))


def understood(arguments: Sequence[str], program: str) -> int:
    try:
        return int(invoke(arguments, program) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        # Who types a name alone wants to know what there is: its message is the help.
        click.echo(error.format_message(), err=True)
        return USAGE
    except click.UsageError as error:
        where = f" See: {error.ctx.command_path} --help" if error.ctx is not None else ""
        return complain(program, error.format_message() + where, USAGE)
    except click.ClickException as error:
        return complain(program, error.format_message(), USAGE)
    except click.Abort:
        return INTERRUPTED


def invoke(arguments: Sequence[str], program: str) -> Any:
    command: click.Command = perfanalysis
    settings: dict[str, Any] = {}
    if name := PROGRAMS.get(program):
        command = importlib.import_module(f"appliance.cli.{name}").command
        settings = {**SETTINGS, "auto_envvar_prefix": f"PERFANALYSIS_{name.upper()}"}
    return command.main(list(arguments), program, standalone_mode=False, **settings)
