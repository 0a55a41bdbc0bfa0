"""A receiver of webhooks on a free port of this machine, in threads of its own."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Receiver:
    """Receiver of requests: its address, and headers and body of each request."""

    address: str
    received: "queue.SimpleQueue[tuple[Message, bytes]]" = field(default_factory=queue.SimpleQueue)


@contextmanager
def receiving(status_code: int) -> Iterator[Receiver]:
    """Answer everything with a status as long as the context lasts."""

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.received.put((self.headers, body))
            self.send_response(status_code)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}/events")
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield receiver
        server.shutdown()
