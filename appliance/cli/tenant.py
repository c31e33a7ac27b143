"""`perfanalysis tenant`: create, list, show, move and erase tenants, and say how much they keep."""

import shlex
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance import duration as durations
from appliance import moment
from appliance.boundary import tell
from appliance.cli.options import Duration, Size, data_option, default_data, json_option
from appliance.cli.progress import Bar
from appliance.cli.tables import counted, iso, near_text, print_json, show, show_one, size_text, time_text, visible
from appliance.errors import BadData, InUse, UsageError

if TYPE_CHECKING:
    from appliance.store.overview import Overview
    from appliance.store.settings import Settings

DAY_MS = 86_400_000
LEAST_KEPT_SECONDS = 3600
VALID = ("valid", "ending")
"""The states of a key that opens something now."""


@click.group("tenant", epilog="Example: perfanalysis tenant create team-a")
def command() -> None:
    """Create, list, show, set, move and erase tenants: teams or customers that see nothing of each other."""


@command.command("create", epilog="Example: perfanalysis tenant create team-a")
@click.argument("name")
@data_option
def create(name: str, data: Path) -> None:
    """Make a tenant; its NAME has small letters, digits and dashes."""
    from appliance.store.registry import Registry

    with Registry(data) as registry:
        registry.create_tenant(name)
    click.echo(f"Tenant {name} is there. {make_a_key(name, data)}", err=True)


def make_a_key(tenant: str, data: Path) -> str:
    where = "" if data == default_data() else f" --data {shlex.quote(str(data))}"
    return f"Make a key for it: perfanalysis key create --tenant {tenant}{where}"


@command.command("list", epilog="Example: perfanalysis tenant list --json")
@json_option
@data_option
def list_(as_json: bool, data: Path) -> None:
    """List the tenants: the keys that are valid, the machines, the size on the disk, and when something last came."""
    from appliance.store import overview
    from appliance.store.registry import Registry

    with Registry(data, read_only=True) as registry:
        created, keys = registry.created(), registry.keys(None)
    found, of_keys = [overview.of_tenant(data, name) for name in created], states(keys)
    described = [describe(tenant, created[tenant.tenant], of_keys[tenant.tenant]) for tenant in found]
    if as_json:
        print_json(described)
        return
    rows = [
        (
            tenant.tenant,
            about["keys_valid"],
            "?" if tenant.trouble else tenant.machines,
            size_text(tenant.size_bytes),
            "?" if tenant.trouble else keeps_text(tenant.settings),
            "?" if tenant.trouble else near_text(tenant.seen_ms),
        )
        for tenant, about in zip(found, described, strict=True)
    ]
    show(
        ("tenant", "keys", "machines", "size", "keeps", "last received"), rows,
        "There is no tenant yet. Make one: perfanalysis tenant create NAME",
    )  # fmt: skip
    for tenant in found:
        if tenant.trouble:
            tell(f"{tenant.tenant}: {tenant.trouble}")


@command.command("show", epilog="Example: perfanalysis tenant show team-a")
@click.argument("name", required=False)
@json_option
@data_option
def show_tenant(name: str | None, as_json: bool, data: Path) -> None:
    """Show a tenant and what it has; its NAME may be left out where there is only one."""
    from appliance.store import overview
    from appliance.store.registry import Registry, listed

    with Registry(data, read_only=True) as registry:
        if name is None and len(names := registry.tenants()) > 1:
            raise UsageError(f"name the tenant, perfanalysis tenant show NAME: there is {listed(names)}.")
        chosen = registry.choose(name)
        created, keys = registry.created(), registry.keys(chosen)
    found = overview.of_tenant(data, chosen)
    about = describe(found, created[chosen], states(keys)[chosen])
    if as_json:
        print_json(about)
        return
    if found.trouble:
        raise BadData(found.trouble)
    valid, over = about["keys_valid"], about["keys"] - about["keys_valid"]
    span = "none yet" if found.start_ms is None else f"{time_text(found.start_ms)} to {time_text(found.end_ms)}"
    rows = [
        ("made", about["created_at"]),
        ("keys", f"{valid} valid" + (f", {over} not (any more)" if over else "")),
        ("machines", f"{found.machines:,}"),
        ("samples", span),
        ("received", f"last {near_text(found.seen_ms)}" if found.seen_ms else "never"),
        ("size", size_text(found.size_bytes)),
        ("keeps", keeps_text(found.settings)),
        ("quota", limit_text(found.settings.quota_bytes)),
        ("folder", found.folder),
    ]
    show_one(found.tenant, rows)


class Limit(click.ParamType[int]):
    """What another type takes, or a word for no limit, which is 0."""

    def __init__(self, of: click.ParamType[Any], word: str):
        self.of, self.word = of, word
        self.name = of.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if value == self.word:
            return 0
        found = self.of.convert(value, param, ctx)
        if not found:
            self.fail(f"{value!r} is nothing: say {self.word} for no limit.", param, ctx)
        return int(found)


@command.command("set", epilog="Example: perfanalysis tenant set team-a --keep 400d --quota 10GB")
@click.argument("name")
@click.option(
    "--keep", type=Limit(Duration(), "forever"), metavar="TIME",
    help="Remove samples that are older, such as 400d; from 7d on whole days (UTC). forever: none.",
)  # fmt: skip
@click.option(
    "--keep-size", type=Limit(Size(), "all"), metavar="SIZE",
    help="Remove the oldest days while the tenant's file has more; the newest day stays. all: remove none.",
)  # fmt: skip
@click.option(
    "--quota", type=Limit(Size(), "none"), metavar="SIZE",
    help="Take nothing more when the tenant's file has so much (507). none: no quota.",
)  # fmt: skip
@data_option
def set_tenant(name: str, keep: int | None, keep_size: int | None, quota: int | None, data: Path) -> None:
    """
    Say how long and how much a tenant keeps; at first it is everything.

    A running receiver removes what is not kept within a minute, and then every hour; without one, `perfanalysis tenant
    trim` does. A quota holds from the next request on.
    """
    from appliance.store import settings
    from appliance.store.registry import Registry
    from appliance.store.tenant import TenantStore

    if keep is None and keep_size is None and quota is None:
        raise UsageError("say what to set: --keep, --keep-size or --quota.")
    if keep and keep < LEAST_KEPT_SECONDS:
        raise UsageError("--keep is less than an hour: nothing would stay.")
    with Registry(data, read_only=True) as registry:
        chosen = registry.choose(name)
    with TenantStore(data, chosen) as store:
        with store.lock:
            kept = settings.read(store.database)
        if keep is not None:
            kept = replace(kept, keep_ms=keep * 1000 or None)
        if keep_size is not None:
            kept = replace(kept, keep_bytes=keep_size or None)
        if quota is not None:
            kept = replace(kept, quota_bytes=quota or None)
        settings.write(store, kept)
    tell(f"Tenant {chosen} keeps {keeps_text(kept)}; quota: {limit_text(kept.quota_bytes)}.")


@command.command("trim", epilog="Example: perfanalysis tenant trim team-a")
@click.argument("name", required=False)
@data_option
def trim(name: str | None, data: Path) -> None:
    """Remove now what a tenant, or every one, does not keep; a running receiver does it every hour."""
    from appliance.store import retention
    from appliance.store.registry import Registry
    from appliance.store.tenant import TenantStore, has_file

    with removing_alone(data):
        with Registry(data, read_only=True) as registry:
            names = registry.tenants() if name is None else [registry.choose(name)]
        for tenant in names:
            if not has_file(data, tenant):
                continue
            with TenantStore(data, tenant) as store:
                removed = retention.apply(store)
            click.echo(f"{tenant}: {counted(removed.blocks, 'block')} removed.")


@contextmanager
def removing_alone(data: Path) -> Iterator[None]:
    from appliance.store.claim import claimed

    try:
        with claimed(data, "perfanalysis tenant trim"):
            yield
    except InUse as error:
        raise InUse(f"{error.message} A receiver removes by itself what is not kept.") from error


def keeps_text(kept: "Settings") -> str:
    """Say in words what a tenant keeps."""
    parts = [] if kept.keep_ms is None else [durations.text(kept.keep_ms / 1000)]
    parts += [] if kept.keep_bytes is None else [f"at most {size_text(kept.keep_bytes)}"]
    return ", ".join(parts) or "everything"


def limit_text(size_bytes: int | None) -> str:
    return "none" if size_bytes is None else size_text(size_bytes)


def states(keys: Sequence[Mapping[str, Any]]) -> Mapping[str, list[str]]:
    """Return the states of the keys of each tenant that has any."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for key in keys:
        found[key["tenant"]].append(key["state"])
    return found


def describe(tenant: "Overview", created_ms: int, keys: Sequence[str]) -> dict[str, Any]:
    """Return what `--json` tells of a tenant, given the states of its keys; times are ISO 8601 in UTC or null."""
    return {
        "tenant": tenant.tenant,
        "created_at": moment.text(created_ms),
        "keys": len(keys),
        "keys_valid": sum(state in VALID for state in keys),
        "machines": tenant.machines,
        "size_bytes": tenant.size_bytes,
        "keep_days": None if tenant.settings.keep_ms is None else tenant.settings.keep_ms / DAY_MS,
        "keep_bytes": tenant.settings.keep_bytes,
        "quota_bytes": tenant.settings.quota_bytes,
        "last_received_at": iso(tenant.seen_ms),
        "start": iso(tenant.start_ms),
        "end": iso(tenant.end_ms),
        "folder": str(tenant.folder),
        "trouble": tenant.trouble or None,
    }


@command.command("erase", epilog="Example: perfanalysis tenant erase team-a")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_option
def erase(name: str, yes: bool, data: Path) -> None:
    """
    Remove a tenant for good.

    Its history, machines, keys, spool and site in the data folder go, every byte of them; stop the receiver first.
    Other tenants are not touched. Not erased is what is outside the data folder: backups, exports, published sites,
    logs, and what collectors keep. Its files are overwritten with zeros before they are removed. That does not reach
    blocks that were given back to the disk earlier (by a shorter log, retention, an upload's temporary file), nor
    what copy-on-write file systems, snapshots and SSDs keep: where that matters, keep the data folder on an encrypted
    disk.
    """
    from appliance.store import listing
    from appliance.store.erase import erase as erase_tenant

    listing.chosen(data, name)
    if not yes:
        click.echo(f"All of tenant {name} will be gone. Type its name to erase it: ", nl=False, err=True)
        if sys.stdin.readline().strip() != name:
            raise UsageError("that is not its name, so nothing was erased; a script says --yes.")
    erase_tenant(data, name)
    click.echo(
        f"Tenant {name} is erased from {visible(str(data))}. Backups and exports that were made of it still have it.",
        err=True,
    )


@command.command("export", epilog="Example: perfanalysis tenant export team-a --output /mnt/stick/")
@click.argument("name")
@click.option(
    "--output", required=True, type=click.Path(path_type=Path), metavar="FILE|DIR",
    help="The file to write, or the folder for one that is named by the tenant and the time.",
)  # fmt: skip
@json_option
@data_option
def export(name: str, output: Path, as_json: bool, data: Path) -> None:
    """
    Write a tenant into a file.

    It is for another data folder, and has all of the tenant's history; keys do not travel: make new ones where it
    arrives. A receiver may run meanwhile.
    """
    from appliance.cli.backup import tell_done
    from appliance.store import backup, verify

    with Bar(verify.count_blocks(data, name), "Verifying the copy") as bar:
        done = backup.export_tenant(data, output, name, bar.advance)
    tell_done(done, as_json)


@command.command("import", epilog="Example: perfanalysis tenant import /mnt/stick/perfanalysis-team-a.tar")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as", "name", default="", metavar="NAME", help="What to call it here. [default: as it was]")
@click.option("--replace", is_flag=True, help="Replace the tenant of that name.")
@json_option
@data_option
def import_(file: Path, name: str, replace: bool, as_json: bool, data: Path) -> None:
    """
    Take in a tenant that was exported.

    The data folder may be a new one; stop the receiver of an old one first. All of it is verified before anything
    changes; it comes whole or not at all. Exports of older versions are brought up to date. Keys do not travel: make
    new ones.
    """
    from appliance.cli.restore import bar_for
    from appliance.store import restore

    with bar_for(file) as bar:
        imported = restore.import_tenant(data, file, name, replace=replace, step=bar.advance)
    if as_json:
        kept = asdict(imported.kept)
        print_json({**kept, "tenant": imported.name, "replaced": imported.replaced, "data": str(data)})
        return
    click.echo(
        f"Tenant {imported.name} is in {visible(str(data))}: {counted(imported.kept.machines, 'machine')}, "
        f"{counted(imported.kept.blocks, 'block')} of samples, every one verified."
    )
    if imported.replaced:
        click.echo("Its keys are as they were before.", err=True)
    else:
        click.echo(make_a_key(imported.name, data), err=True)
