"""A relay between a collector and a receiver that by chance refuses, cuts or empties what goes through it."""

import random
import re
import socket
from collections import Counter

from long_road import Proxy, read_message

LARGE_BYTES = 400
"""Larger bodies may get a 413; one sample of `collecting` is smaller, and so never refused for good."""
REFUSALS = {
    "500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    "429": b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n",
    "413": b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n",
    "empty": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "torn": b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"error":null',
}


class FaultyRelay(Proxy):
    def __init__(self, port: int, seed: int, share: float) -> None:
        """Spoil this share of the answers, half of them after the receiver has stored the batch."""
        self.chance, self.share = random.Random(seed), share
        self.faults: Counter[str] = Counter()
        super().__init__(port, lambda _: False)

    def relay(self, client: socket.socket, receiver: socket.socket) -> None:
        while request := read_message(client):
            fault = self.chance.choice(list(REFUSALS)) if self.chance.random() < self.share else ""
            if fault == "413" and body_bytes(request) <= LARGE_BYTES:
                fault = ""
            stored = not fault or self.chance.random() < 0.5
            if stored:
                receiver.sendall(request)
                answer = read_message(receiver)
                if not answer:
                    return
            if not fault:
                client.sendall(answer)
                continue
            self.faults[f"{fault} {'after' if stored else 'before'}"] += 1
            client.sendall(REFUSALS[fault])
            if fault == "torn":
                return


def body_bytes(request: bytes) -> int:
    found = re.search(rb"(?i)content-length: *([0-9]+)", request)
    return int(found[1]) if found else 0
