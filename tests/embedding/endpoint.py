"""An OpenAI-compatible `/embeddings` endpoint on this machine that answers by a script."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.fakes import HashEmbedder

DIMENSION = 64
INNER = HashEmbedder(DIMENSION)


@dataclass(frozen=True)
class Answer:
    """Answer of the server to one request."""

    code: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


Script = Callable[[dict[str, Any]], Answer]


def data_of(request: dict[str, Any], length: float = 1.0) -> list[dict[str, Any]]:
    vectors = INNER.embed(request["input"]) * length
    return [{"index": at, "embedding": row.tolist()} for at, row in enumerate(vectors)]


def right(request: dict[str, Any]) -> Answer:
    return Answer(body=json.dumps({"data": data_of(request)}))


class Endpoint:
    """An OpenAI-compatible endpoint that answers by its script, and right when that is over."""

    def __init__(self) -> None:
        self.script: list[Script] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.released = threading.Event()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.answer(self, json.loads(content))

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def answer(self, handler: BaseHTTPRequestHandler, request: dict[str, Any]) -> None:
        self.requests.append(request)
        self.headers.append(dict(handler.headers))
        self.paths.append(handler.path)
        answer = (self.script.pop(0) if self.script else right)(request)
        body = answer.body.encode()
        handler.send_response(answer.code)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def hang(self, request: dict[str, Any]) -> Answer:
        self.released.wait(10)
        return right(request)

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
