"""A line between a collector and a receiver that is slow and is cut again and again."""

import select
import socket
import threading
import time
from contextlib import suppress

PIECE_BYTES = 1024


class BadLine:
    def __init__(self, port: int, bytes_per_second: int, up_seconds: float, down_seconds: float) -> None:
        """Lead to a port of this machine; after each time up, all connections break, and none can be made."""
        self.to, self.bytes_per_second = port, bytes_per_second
        self.up_seconds, self.down_seconds = up_seconds, down_seconds
        self.started = time.monotonic()
        self.cut = 0
        self.over = False
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.threads = [threading.Thread(target=self.run, daemon=True)]
        self.threads[0].start()

    @property
    def is_up(self) -> bool:
        return (time.monotonic() - self.started) % (self.up_seconds + self.down_seconds) < self.up_seconds

    def run(self) -> None:
        with suppress(OSError):
            while not self.over:
                client, _ = self.listening.accept()
                self.threads.append(threading.Thread(target=self.carry, args=(client,), daemon=True))
                self.threads[-1].start()

    def carry(self, client: socket.socket) -> None:
        """Carry what comes on either side, until the line breaks."""
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self.to)) as receiver:
            other = {client: receiver, receiver: client}
            while self.is_up and not self.over:
                ready, _, _ = select.select(list(other), [], [], 0.02)
                for side in ready:
                    piece = side.recv(PIECE_BYTES)
                    if not piece:
                        return
                    other[side].sendall(piece)
                    time.sleep(len(piece) / self.bytes_per_second)
            self.cut += 1
            # No farewell: what was under way is lost, on both sides.
            for side in other:
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def close(self) -> None:
        self.over = True
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        for thread in self.threads:
            thread.join(5)
