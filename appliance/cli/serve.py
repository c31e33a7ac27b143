"""`perfanalysis serve` (also `pcd`): the receiver."""

import shlex
import sys
from contextlib import closing, suppress
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from appliance.cli.options import SYSTEM_DATA, Grouped, Size, default_data, min_free_option
from appliance.errors import BadConfiguration, CannotCreate, NoInput

if TYPE_CHECKING:
    from appliance.receive.access_log import AccessLog
    from appliance.receive.limits import Limits
    from appliance.receive.tls import Certificate
    from appliance.views import Asset, View

LOCAL, EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104 - only where it is asked for
UNIX = "unix:"
MIN_TOKEN = 16
OPEN_NETWORK = (
    "Keys and data can be read on their way here: use --tls-cert and --tls-key, put a TLS proxy before this "
    "(--trusted-proxy), or say --insecure-http if the network is trusted."
)


class Listen(NamedTuple):
    host: str
    port: int


class ListenType(click.ParamType[Listen]):
    """HOST:PORT; [::1]:8080; :8080 on every address, as Go programs read it; 8080 on this machine alone; unix:PATH."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Listen:
        if isinstance(value, Listen):
            return value
        if value.strip().startswith(UNIX) and value.strip() != UNIX:
            return Listen(value.strip(), 0)
        host, colon, port = value.strip().rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        in_brackets = bare != host
        if not (port.isascii() and port.isdigit() and int(port) < 65536) or (":" in bare) != in_brackets:
            self.fail(f"{value!r} is not HOST:PORT: write it like 127.0.0.1:8080, [::1]:8080 or unix:PATH.", param, ctx)
        return Listen(bare or (EVERYWHERE if colon else LOCAL), int(port))


class LimitType(click.ParamType[tuple[str, int]]):
    """NAME=NUMBER, the name of one of the limits."""

    name = "limit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        from appliance.receive.limits import Limits

        name, _, number = value.strip().partition("=")
        if name not in {field.name for field in fields(Limits)}:
            self.fail(f"{name[:40]!r} is no limit: `perfanalysis serve --limits` shows them.", param, ctx)
        if not (number.isascii() and number.isdigit() and 0 < len(number) < 16 and int(number)):
            self.fail(f"{value[:60]!r} has no number above 0: write it like {name}=100.", param, ctx)
        return name, int(number)


def show_limits(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        from appliance.receive.limits import Limits

        for field in fields(Limits):
            click.echo(f"{field.name}={field.default}")
        context.exit()


HEADINGS = {
    "Network": ("listen", "tls_cert", "tls_key", "trusted_proxy", "insecure_http"),
    "Disk": ("data", "min_free", "reserve"),
    "Watching": ("access_log", "metrics_token_file", "log_level"),
}


@click.command(
    "serve", cls=Grouped, headings=HEADINGS,
    epilog="Example: perfanalysis serve --listen 0.0.0.0:8080 --data /var/lib/perfanalysis",
)  # fmt: skip
@click.option(
    "--listen", type=ListenType(), envvar=["LISTENADDRESS", "PCD_LISTENADDRESS"], default=f"{LOCAL}:8080",
    show_default=True, metavar="HOST:PORT",
    help="Where; :PORT on every address, unix:PATH a socket.",
)  # fmt: skip
@click.option(
    "--tls-cert", type=click.Path(path_type=Path), metavar="FILE",
    help="Speak TLS with this certificate chain (PEM).",
)  # fmt: skip
@click.option("--tls-key", type=click.Path(path_type=Path), metavar="FILE", help="The certificate's key (PEM).")
@click.option(
    "--trusted-proxy", multiple=True, metavar="ADDRESS",
    help="Believe X-Forwarded-For and -Proto of this address, network, or `unix` for the socket; repeatable.",
)  # fmt: skip
@click.option("--insecure-http", is_flag=True, help="Do not warn that there is no TLS.")
@click.option(
    "--data", type=click.Path(path_type=Path), envvar=["PERFANALYSIS_DATA", "PCD_HOME"], default=default_data,
    metavar="DIR", help="The data folder.",
    show_default=f"{SYSTEM_DATA} where it is writable, else ./perfanalysis-data",
)  # fmt: skip
@min_free_option
@click.option(
    "--reserve", type=Size(), metavar="SIZE",
    help="A file that is given up when a full disk must be emptied.",
    show_default="64MiB, at most a sixteenth of the disk",
)  # fmt: skip
@click.option(
    "--access-log", type=click.Path(path_type=Path), metavar="FILE",
    help="A line of JSON for each request; 5 files of 10 MB.",
)  # fmt: skip
@click.option(
    "--metrics-token-file", type=click.Path(path_type=Path), metavar="FILE",
    help="A token that opens /metrics to other machines.",
)  # fmt: skip
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
    envvar="PCD_LOGLEVEL", default="warning", show_default=True, help="What to say on standard error.",
)  # fmt: skip
@click.option(
    "--limit", type=LimitType(), multiple=True, metavar="NAME=NUMBER",
    help="Change a limit of what requests may cost; repeatable.",
)  # fmt: skip
@click.option(
    "--limits", is_flag=True, is_eager=True, expose_value=False, callback=show_limits, help="Show all limits and exit."
)
def command(
    listen: Listen, tls_cert: Path | None, tls_key: Path | None, trusted_proxy: tuple[str, ...], insecure_http: bool,
    data: Path, min_free: int | None, reserve: int | None, access_log: Path | None, metrics_token_file: Path | None,
    log_level: str, limit: tuple[tuple[str, int], ...],
) -> None:  # fmt: skip
    """Receive from collectors and uploads, and store what comes, until stopped. SIGHUP reopens and rereads files."""
    from appliance.receive import log, server
    from appliance.receive.application import application
    from appliance.receive.housekeeping import Housekeeping
    from appliance.receive.stores import Stores
    from appliance.store import private
    from appliance.store.claim import claimed
    from appliance.store.registry import DEFAULT_TENANT
    from appliance.store.space import Space
    from appliance.views import Drawing

    private.keep_to_ourselves()
    log.configure(log_level.lower(), sys.stderr)
    certificate = certificate_of(tls_cert, tls_key)
    token = token_of(metrics_token_file)
    opened = opened_log(access_log)
    with claimed(data, "perfanalysis serve"), closing(Stores(data, Space(data, min_free, reserve))) as stores:
        if not stores.registry.tenants():
            stores.registry.create_tenant(DEFAULT_TENANT)

        def ready(url: str) -> None:
            # A receiver goes on, also if nobody listens to what it says.
            with suppress(BrokenPipeError):
                click.echo(f"Listening on {url} (data in {data}); Ctrl-C stops it.")
                if all(key["state"] in ("revoked", "expired") for key in stores.registry.keys(None)):
                    click.echo(
                        f"Nobody has a key. Make one: perfanalysis key create --data {shlex.quote(str(data))}", err=True
                    )
                if not (certificate or trusted_proxy or insecure_http or is_local(listen.host)):
                    click.echo(OPEN_NETWORK, err=True)

        app = application(stores, limits_of(limit), opened, token, Drawing(page, asset))
        receiver = server.Receiver(app, listen.host, listen.port, proxies=trusted_proxy, certificate=certificate)
        with Housekeeping(stores):
            server.serve(receiver, ready)


def is_local(host: str) -> bool:
    from appliance.receive import client

    return host == "localhost" or host.startswith(UNIX) or client.is_local(host)


def limits_of(changed: tuple[tuple[str, int], ...]) -> "Limits":
    from appliance.receive.limits import Limits

    return Limits(**dict(changed))


def certificate_of(certificate: Path | None, key: Path | None) -> "Certificate | None":
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise click.UsageError("--tls-cert and --tls-key go together: name both, they may be one file.")
    from appliance.receive.tls import Certificate

    return Certificate(certificate, key)


def token_of(path: Path | None) -> str:
    """Read the token that opens the metrics."""
    if path is None:
        return ""
    try:
        token = path.read_text("ascii").strip()
    except OSError as error:
        raise NoInput(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        token = ""
    if len(token) < MIN_TOKEN or any(not "!" <= letter <= "~" for letter in token):
        raise BadConfiguration(f"{path} holds no token: one line of at least {MIN_TOKEN} letters and digits.")
    return token


def opened_log(path: Path | None) -> "AccessLog | None":
    if path is None:
        return None
    from appliance.receive.access_log import AccessLog

    try:
        return AccessLog(path)
    except OSError as error:
        raise CannotCreate(f"{path} cannot be written: {error.strerror}; name another with --access-log.") from error


def page(view: "View") -> bytes:
    """Draw a page for people: what draws is loaded when the first one is asked for."""
    from static_site import receiver

    return receiver.page(view)


def asset(name: str) -> "Asset | None":
    from static_site import receiver

    return receiver.asset(name)
