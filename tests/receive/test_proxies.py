"""Whom a request is from: what proxies say is believed of those that are trusted, and of nobody else."""

import json
from pathlib import Path

import pytest
from receiver_peer import Peer, StartReceiver

from appliance.errors import UsageError
from appliance.receive.access_log import AccessLog
from appliance.receive.client import Client, Proxies


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "expected"),
    [
        ([], "192.0.2.1", "198.51.100.7", "192.0.2.1"),
        (["192.0.2.1"], "192.0.2.1", "198.51.100.7", "198.51.100.7"),
        (["192.0.2.1"], "192.0.2.2", "198.51.100.7", "192.0.2.2"),
        (["192.0.2.0/24"], "192.0.2.9", "198.51.100.7", "198.51.100.7"),
        # What the sender wrote itself comes first; what our proxy wrote comes last.
        (["192.0.2.1"], "192.0.2.1", "10.9.9.9, 198.51.100.7", "198.51.100.7"),
        (["192.0.2.0/24"], "192.0.2.1", "10.9.9.9, 198.51.100.7, 192.0.2.2", "198.51.100.7"),
        (["192.0.2.0/24"], "192.0.2.1", "192.0.2.3, 192.0.2.2", "192.0.2.3"),
        (["192.0.2.1"], "192.0.2.1", "nonsense", "192.0.2.1"),
        (["192.0.2.1"], "192.0.2.1", "198.51.100.7, nonsense", "192.0.2.1"),
        (["192.0.2.1"], "192.0.2.1", "", "192.0.2.1"),
        (["::1"], "::1", "[2001:db8::7]", "2001:db8::7"),
        (["unix"], "unix", "198.51.100.7", "198.51.100.7"),
        ([], "unix", "198.51.100.7", "unix"),
        (["127.0.0.1"], "::ffff:127.0.0.1", "198.51.100.7", "198.51.100.7"),
    ],
)
def test_the_last_proxy_that_is_trusted_says_whom_it_is_from(
    trusted: list[str], peer: str, forwarded: str, expected: str
) -> None:
    headers = {"X_FORWARDED_FOR": forwarded, "HOST": "x"}

    client = Proxies(trusted).client(peer, headers)

    assert client.address == expected
    assert headers == {"HOST": "x"}


@pytest.mark.parametrize(
    ("said", "scheme"), [("https", "https"), ("HTTP", "http"), ("gopher", None), ("https, http", None), ("", None)]
)
def test_a_trusted_proxy_says_what_the_client_speaks(said: str, scheme: str | None) -> None:
    assert Proxies(["192.0.2.1"]).client("192.0.2.1", {"X_FORWARDED_PROTO": said}).scheme == scheme


@pytest.mark.parametrize(
    ("address", "headers", "local"),
    [
        ("127.0.0.1", {}, True),
        ("127.9.9.9", {}, True),
        ("::1", {}, True),
        ("unix", {}, True),
        ("192.0.2.1", {}, False),
        # A proxy on this machine that nobody told us of: it asks for someone else.
        ("127.0.0.1", {"X_FORWARDED_FOR": "127.0.0.1"}, False),
        ("127.0.0.1", {"FORWARDED": "for=127.0.0.1"}, False),
    ],
)
def test_who_is_on_this_machine_is_known(address: str, headers: dict[str, str], local: bool) -> None:
    assert Proxies().client(address, dict(headers)) == Client(address, None, local)


def test_nobody_behind_a_proxy_is_on_this_machine() -> None:
    assert not Proxies(["127.0.0.1"]).client("127.0.0.1", {"X_FORWARDED_FOR": "127.0.0.1"}).local


@pytest.mark.parametrize("name", ["", "x", "192.0.2.1/33", "192.0.2.1/24", "*", "localhost"])
def test_what_is_no_address_of_a_proxy_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not the address of a proxy: write it like"):
        Proxies([name])


@pytest.mark.parametrize(
    ("proxies", "address", "scheme"), [([], "127.0.0.1", "http"), (["127.0.0.1"], "198.51.100.7", "https")]
)
def test_links_and_log_follow_a_proxy_that_is_trusted(
    start_receiver: StartReceiver, tmp_path: Path, proxies: list[str], address: str, scheme: str
) -> None:
    path = tmp_path / "access.log"
    peer: Peer = start_receiver(access_log=AccessLog(path), proxies=proxies)
    peer.upload("timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available\n"
                "1704067200,web-1,1,2,97,0,100,50,60\n", machine_id="web-1")  # fmt: skip

    reply = peer.ask(
        "GET", "/api/v1/performance/data?machine_id=web-1",
        headers={"X-Forwarded-For": "10.9.9.9, 198.51.100.7", "X-Forwarded-Proto": "https", "Host": "perf.example"},
    )  # fmt: skip

    assert reply.json["data_url"].startswith(f"{scheme}://perf.example/api/v1/performance/export?")
    assert json.loads(path.read_text().splitlines()[-1])["address"] == address
