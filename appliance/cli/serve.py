"""`perfanalysis serve` (also `pcd`): the receiver."""

import shlex
import sys
from pathlib import Path
from typing import Any, NamedTuple

import click

from appliance.cli.options import SYSTEM_DATA, default_data

LOCAL, EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104 - only where it is asked for


class Listen(NamedTuple):
    host: str
    port: int


class ListenType(click.ParamType[Listen]):
    """HOST:PORT; [::1]:8080; :8080 on every address, as Go programs read it; 8080 on this machine alone."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Listen:
        if isinstance(value, Listen):
            return value
        host, colon, port = value.strip().rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        in_brackets = bare != host
        if not (port.isascii() and port.isdigit() and int(port) < 65536) or (":" in bare) != in_brackets:
            self.fail(f"{value!r} is not HOST:PORT: write it like 127.0.0.1:8080 or [::1]:8080.", param, ctx)
        return Listen(bare or (EVERYWHERE if colon else LOCAL), int(port))


@click.command("serve", epilog="Example: perfanalysis serve --listen 0.0.0.0:8080 --data /var/lib/perfanalysis")
@click.option(
    "--listen", type=ListenType(), envvar=["LISTENADDRESS", "PCD_LISTENADDRESS"], default=f"{LOCAL}:8080",
    show_default=True, metavar="HOST:PORT", help="Where to listen; :PORT is every address, port 0 a free one.",
)  # fmt: skip
@click.option(
    "--data", type=click.Path(path_type=Path), envvar=["PERFANALYSIS_DATA", "PCD_HOME"], default=default_data,
    metavar="DIR", help="The data folder.",
    show_default=f"{SYSTEM_DATA} where it is writable, else ./perfanalysis-data",
)  # fmt: skip
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
    envvar="PCD_LOGLEVEL", default="warning", show_default=True, help="What to say on standard error.",
)  # fmt: skip
def command(listen: Listen, data: Path, log_level: str) -> None:
    """Receive from collectors and uploads, and store what comes, until stopped."""
    from appliance.receive import log, server
    from appliance.receive.application import application
    from appliance.receive.stores import Stores
    from appliance.store import private
    from appliance.store.registry import DEFAULT_TENANT

    private.keep_to_ourselves()
    log.configure(log_level.lower(), sys.stderr)
    stores = Stores(data)
    try:
        if not stores.registry.tenants():
            stores.registry.create_tenant(DEFAULT_TENANT)

        def ready(url: str) -> None:
            click.echo(f"Listening on {url} (data in {data}); Ctrl-C stops it.")
            if all(key["state"] in ("revoked", "expired") for key in stores.registry.keys(None)):
                click.echo(
                    f"Nobody has a key. Make one: perfanalysis key create --data {shlex.quote(str(data))}", err=True
                )

        server.serve(application(stores), listen.host, listen.port, ready)
    finally:
        stores.close()
