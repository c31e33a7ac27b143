"""TLS: the certificate, read again when asked, and connections that never wait for the other end."""

import ssl
import stat
from pathlib import Path
from typing import Any

from appliance.errors import BadConfiguration, NoInput
from appliance.receive.log import logger

WAITING = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Certificate:
    """A certificate and its key: connections get those that were last read."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read both; raise NoInput or BadConfiguration."""
        self.certificate, self.key = certificate, key
        self.read()

    def read(self) -> None:
        """Read both again; what was read before stays if they are of no use."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        context.set_alpn_protocols(["http/1.1"])
        try:
            # Without an answer to what it would ask on the terminal, a key with a password is one that cannot be read.
            context.load_cert_chain(self.certificate, self.key, password="")
        except ssl.SSLError as error:
            raise BadConfiguration(
                f"{self.certificate} and {self.key} are no certificate and its key, in PEM form and without a password "
                f"({error.reason or 'unreadable'})."
            ) from error
        except OSError as error:
            # Which of the two it is, the library does not say.
            for path in (self.certificate, self.key):
                try:
                    path.open().close()
                except OSError as own:
                    raise NoInput(f"{path} cannot be read: {own.strerror}.") from error
            raise NoInput(f"{self.certificate} and {self.key} cannot be read: {error.strerror}.") from error
        if self.key.stat().st_mode & stat.S_IROTH:
            logger.warning("everyone on this machine can read the key of the certificate: chmod o= %s", self.key)
        self.expires = expiry(self.certificate)
        self.context = context

    def wrap(self, connection: Any) -> ssl.SSLSocket:
        """Return a connection that shakes hands when it is asked to, and does not wait."""
        connection.setblocking(False)
        return self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)


def expiry(certificate: Path) -> int:
    """Return until when a certificate is valid, in Unix seconds."""
    # The library has no other way to look at a certificate of one's own.
    found: dict[str, str] = ssl._ssl._test_decode_cert(str(certificate))  # type: ignore[attr-defined]
    return ssl.cert_time_to_seconds(found["notAfter"])
