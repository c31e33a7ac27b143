"""Where the receiver listens: a port of an address, or a unix socket."""

import errno
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from appliance.errors import CannotCreate, InUse, NoPermission, UsageError

BACKLOG = 1024
UNIX_PREFIX = "unix:"


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is a free one, "unix:PATH" a unix socket. Raises as `listen_unix` does."""
    if host.startswith(UNIX_PREFIX):
        return listen_unix(Path(host.removeprefix(UNIX_PREFIX)))
    address = f"{bracketed(host)}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # A name such as localhost may have two addresses: clients all know the older protocol.
        family, _, _, _, where = min(found, key=lambda info: info[0] != socket.AF_INET)
        return socket.create_server(where, family=family, backlog=BACKLOG, dualstack_ipv6=host == "::")
    except PermissionError:
        raise NoPermission(
            f"{address} needs the rights of the system: choose a port above 1023 with --listen HOST:PORT."
        ) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InUse(
                f"{address} is in use by another program: stop that one, or choose another port with "
                "--listen HOST:PORT (0 is a free one)."
            ) from None
        raise UsageError(f"{address} is no address of this machine: name one with --listen HOST:PORT.") from None


def listen_unix(path: Path) -> socket.socket:
    """
    Return a unix socket that listens, for its owner and group; one that nobody listens at is replaced.

    Raises InUse, NoPermission, CannotCreate or UsageError.
    """
    remove_stale(path)
    listening = socket.socket(socket.AF_UNIX)
    # With its mode from the first moment on: a connection is not asked for it again.
    before = os.umask(0o117)
    try:
        listening.bind(str(path))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        if isinstance(error, PermissionError):
            raise NoPermission(f"{path} may not be made: check the rights of its folder.") from None
        if error.errno == errno.EADDRINUSE:
            raise InUse(f"{path} was just made by another program: name another socket with --listen.") from None
        if error.errno is None:
            raise UsageError(f"{path} is too long for a socket: at most 107 bytes.") from None
        raise CannotCreate(f"{path} cannot be made: {error.strerror}.") from None
    finally:
        os.umask(before)
    return listening


def remove_stale(path: Path) -> None:
    """Remove the socket of a receiver that was killed; raise InUse or UsageError if what is there is not that."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise UsageError(f"{path} is there and is no socket: name another with --listen unix:PATH.")
    except OSError:
        return
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(1)
        try:
            asking.connect(str(path))
        except ConnectionRefusedError:
            with suppress(FileNotFoundError):
                path.unlink()
            return
        except OSError:
            pass
    raise InUse(f"{path} is in use by another program: stop that one, or name another socket with --listen.")


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
