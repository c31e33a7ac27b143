"""`perfanalysis version`."""

import click

from appliance import __version__


@click.command("version")
def command() -> None:
    """Show the version."""
    click.echo(f"perfanalysis {__version__}")
