"""What the tests of sending share: receivers that answer as they are told."""

import ssl
from collections.abc import Callable, Iterator

import pytest
from answering_receiver import Answer, Receiver, Request


@pytest.fixture
def receiver() -> Iterator[Callable[..., Receiver]]:
    started: list[Receiver] = []

    def start(*answers: Callable[[Request], Answer], port: int = 0, tls: ssl.SSLContext | None = None) -> Receiver:
        started.append(Receiver(*answers, port=port, tls=tls))
        return started[-1]

    yield start
    for each in started:
        each.close()
