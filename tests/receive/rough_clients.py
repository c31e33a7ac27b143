"""Clients that send one batch twice at once, cut what they send, or go away before they have their answer."""

import http.client
import json
import random
import secrets
import socket
import struct
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from receiver_peer import BOUNDARY, TRICKLE, UPLOAD, Peer, batch, csv_text, form, measurement

from appliance.store import batches, blocks, history
from appliance.store.batches import Receipt
from appliance.store.database import Database
from appliance.store.tenant import TenantStore

TENANT = "team-a"
RESET = struct.pack("ii", 1, 0)
"""To linger for no time: closing a connection then resets it."""


def store_of(peer: Peer) -> TenantStore:
    return peer.application.stores.tenant(TENANT)


def stored(peer: Peer) -> Counter[tuple[str, int, str]]:
    """Return how often each sample of each group is stored."""
    found: Counter[tuple[str, int, str]] = Counter()
    for machine in history.machines(store_of(peer)):
        for part in history.read(store_of(peer), machine.machine_id):
            found.update((machine.machine_id, at, part.group.value) for at in part.at_ms.tolist())
    return found


def forget_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take from now on what comes again for something new."""
    kept = Database.execute_sql

    def as_if_new(db: Any, statement: str, parameters: Any = ()) -> Any:
        if statement.startswith("INSERT INTO batch"):
            parameters = (secrets.token_bytes(32), *parameters[1:])
        return kept(db, statement, parameters)

    monkeypatch.setattr(batches, "stored_receipt", lambda *_: None)
    monkeypatch.setattr(Database, "execute_sql", as_if_new)
    monkeypatch.setattr(blocks, "overlaps", lambda *_: False)


def twins(peer: Peer, pairs: int) -> list[list[tuple[int, bool]]]:
    """Send so many batches, each by two clients in the same instant; return the status and `duplicate` of each pair."""
    barrier = threading.Barrier(2)
    answers: list[list[tuple[int, bool]]] = [[] for _ in range(pairs)]

    def send() -> None:
        connection = http.client.HTTPConnection(*peer.address, timeout=30)
        headers = {"Authorization": f"Bearer {peer.key}", "Content-Type": "application/json"}
        for number in range(pairs):
            body = json.dumps(batch(measurement(1_704_067_200 + number, number)))
            barrier.wait()
            connection.request("POST", TRICKLE, body, headers)
            answer = connection.getresponse()
            answers[number].append((answer.status, json.loads(answer.read()).get("duplicate")))
        connection.close()

    clients = [threading.Thread(target=send) for _ in range(2)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return answers


def request(peer: Peer, path: str, body: bytes, kind: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {peer.key}\r\nContent-Type: {kind}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def upload(peer: Peer, rows: int = 300) -> bytes:
    body = form(csv_text("web-1", rows), machine_id="web-1")
    return request(peer, UPLOAD, body, f"multipart/form-data; boundary={BOUNDARY}")


def post(peer: Peer, number: int) -> bytes:
    body = json.dumps(batch(measurement(1_704_067_200 + number, number))).encode()
    return request(peer, TRICKLE, body, "application/json")


def cut(peer: Peer, sent: bytes, *, reset: bool) -> None:
    """Send the beginning of a request, and close the connection in an orderly way or not."""
    with socket.create_connection(peer.address) as connection:
        connection.sendall(sent)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def go_away(peer: Peer, requests: list[bytes], chance: random.Random) -> None:
    """Send requests and reset each connection at a random moment: before, while or after it is stored."""
    for number, sent in enumerate(requests):
        with socket.create_connection(peer.address) as connection:
            # Of the first one a byte is missing, and the second one is certainly stored.
            connection.sendall(sent[:-1] if number == 0 else sent)
            time.sleep(1 if number == 1 else chance.choice([0, chance.uniform(0, 0.004), chance.uniform(0, 0.03)]))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def whole(peer: Peer, sent: bytes) -> tuple[int, Any]:
    """Send a request and return its status and answer."""
    with socket.create_connection(peer.address) as connection:
        connection.sendall(sent)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, json.loads(answer.read())


def receipts(peer: Peer) -> list[Receipt]:
    store = store_of(peer)
    with store.lock:
        rows = store.database.execute_sql("SELECT receipt FROM batch ORDER BY id").fetchall()
    return [Receipt(**json.loads(row[0])) for row in rows]


def settle(peer: Peer) -> None:
    """Wait until the receiver has done all that it was sent."""
    deadline = time.monotonic() + 20
    while peer.application.status.connections() and time.monotonic() < deadline:
        time.sleep(0.01)


def open_files() -> list[str]:
    """Return the files without a name that this process holds open."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            target = str(link.readlink())
            found += [target] if target.startswith("/") and target.endswith(" (deleted)") else []
    return found
