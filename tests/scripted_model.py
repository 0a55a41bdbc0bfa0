"""A language model that plays a script: an OpenAI-compatible server over real HTTP, in a thread.

Texts are answered in the form of Anthropic's Messages API too, at `/v1/messages`.

    with scripted_model() as model:
        model.will(Says({"memories": [], "summary": "Nothing."}))
        settings = Settings(model="openai:scripted", model_base_url=model.url)

Each request takes the next reply of the script, then `otherwise`, and is kept in `requests`. It
counts tokens by a fixed rule, four characters for one, so that figures in tests do not move.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic_ai.models import override_allow_model_requests

CHARS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """Received request."""

    body: dict[str, Any]
    headers: Mapping[str, str]
    path: str = "/v1/chat/completions"

    @property
    def instructions(self) -> str:
        """Return the instructions to the model."""
        roles = ("system", "developer")
        given = [{"content": self.body.get("system")}]
        given += [m for m in self.body["messages"] if m["role"] in roles]
        return "\n".join(filter(None, map(_text, given)))

    @property
    def content(self) -> str:
        """Return the first message of the user."""
        return next((_text(m) for m in self.body["messages"] if m["role"] == "user"), "")

    @property
    def complaints(self) -> str:
        """Return the complaints about earlier answers."""
        messages_to_model = [m for m in self.body["messages"] if m["role"] in ("user", "tool")]
        return "\n".join(_text(m) for m in messages_to_model[1:])

    @property
    def tools(self) -> list[str]:
        """Return the names of the tools it may call."""
        return [tool["function"]["name"] for tool in self.body.get("tools", ())]

    @property
    def tokens(self) -> int:
        """Return the tokens of the request: messages and tools."""
        return len(json.dumps([self.body["messages"], self.body.get("tools")])) // CHARS_PER_TOKEN


@dataclass(frozen=True, slots=True)
class Says:
    """Reply with the requested answer and these arguments; a text is sent unchanged."""

    output: Mapping[str, Any] | str
    finish_reason: str = "tool_calls"


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of tools, by name, with their arguments."""

    calls: tuple[tuple[str, Mapping[str, Any]], ...]


@dataclass(frozen=True, slots=True)
class Chats:
    """A text in place of the answer asked for."""

    text: str
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True)
class Refuses:
    """A refusal, as the API marks it."""

    text: str = "I cannot help with that."


@dataclass(frozen=True, slots=True)
class Fails:
    """An error of the API."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str = "failed"


@dataclass(frozen=True, slots=True)
class Waits:
    """Reply that is sent when the test releases it; without one the connection closes."""

    reply: "Reply | None" = None


@dataclass(frozen=True, slots=True)
class Closes:
    """Close of the connection without an answer."""


Reply = Says | Calls | Chats | Refuses | Fails | Waits | Closes
Written = Reply | Callable[[ModelRequest], Reply]


class ScriptedModel:
    """Scripted server as tests see it: its replies and the received requests."""

    def __init__(self) -> None:
        self.requests: list[ModelRequest] = []
        self.otherwise: Written = Fails(500, code="the script is over")
        self.url = ""
        self._script: list[Written] = []
        self._lock = threading.Lock()
        self._let_go = threading.Event()
        self._came = threading.Condition(self._lock)

    def will(self, *replies: Written) -> None:
        """Put replies behind those that are still to be given."""
        with self._lock:
            self._script += replies

    def let_go(self) -> None:
        """Release all that waits, now and later."""
        self._let_go.set()

    def wait_for_requests(self, number: int, timeout_s: float = 20) -> None:
        """Wait until so many requests have come."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.requests) >= number, timeout_s)

    def next_reply(self, model_request: ModelRequest) -> Reply:
        """Return the reply to a request."""
        with self._came:
            self.requests.append(model_request)
            self._came.notify_all()
            written = self._script.pop(0) if self._script else self.otherwise
        return written(model_request) if callable(written) else written

    def hold(self) -> None:
        """Wait for the test."""
        self._let_go.wait(60)


@contextmanager
def scripted_model() -> Iterator[ScriptedModel]:
    """A server on a free port of this machine; while it runs, it may be asked."""
    model = ScriptedModel()

    class OneModel(_Connection):
        script = model

    server = ThreadingHTTPServer(("127.0.0.1", 0), OneModel)
    server.daemon_threads = False
    model.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with override_allow_model_requests(True):
            yield model
    finally:
        model.let_go()
        server.shutdown()
        thread.join()
        server.server_close()


class _Connection(BaseHTTPRequestHandler):
    """Handler of one request per connection, so that the server can be closed."""

    script: ScriptedModel

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        model_request = ModelRequest(body, dict(self.headers), self.path)
        reply: Reply | None = self.script.next_reply(model_request)
        if isinstance(reply, Waits):
            self.script.hold()
            reply = reply.reply
        self.close_connection = True
        if reply is None or isinstance(reply, Closes):
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        try:
            self._send(model_request, reply)
        except (BrokenPipeError, ConnectionResetError):
            return  # Who asked has gone: that is what a time-out looks like from here.

    def _send(self, model_request: ModelRequest, reply: Reply) -> None:
        if isinstance(reply, Fails):
            status, headers = reply.status, dict(reply.headers)
            answer: dict[str, Any] = {"error": {"message": reply.code, "code": reply.code}}
        else:
            status, headers = 200, {}
            written_as = _anthropic_message if model_request.path == "/v1/messages" else _completion
            answer = written_as(model_request, reply)
        sent = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(sent)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, format: str, *args: Any) -> None:
        return


def _completion(model_request: ModelRequest, reply: Reply) -> dict[str, Any]:
    message, finish_reason = _message(model_request, reply)
    written = len(json.dumps(message)) // CHARS_PER_TOKEN
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model_request.body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {
            "prompt_tokens": model_request.tokens,
            "completion_tokens": written,
            "total_tokens": model_request.tokens + written,
        },
    }


def _anthropic_message(model_request: ModelRequest, reply: Reply) -> dict[str, Any]:
    if not isinstance(reply, Chats):
        raise TypeError(f"{reply} has no form in the Messages API yet")
    return {
        "id": "msg-1",
        "type": "message",
        "role": "assistant",
        "model": model_request.body["model"],
        "content": [{"type": "text", "text": reply.text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": model_request.tokens,
            "output_tokens": len(reply.text) // CHARS_PER_TOKEN,
        },
    }


def _message(model_request: ModelRequest, reply: Reply) -> tuple[dict[str, Any], str]:
    message: dict[str, Any] = {"role": "assistant", "content": None}
    match reply:
        case Says():
            text = reply.output if isinstance(reply.output, str) else json.dumps(reply.output)
            if not model_request.tools:
                return {**message, "content": text}, reply.finish_reason
            # The tool that takes the answer stands behind those that an agent works with.
            return {
                **message,
                "tool_calls": [_call(0, model_request.tools[-1], text)],
            }, reply.finish_reason
        case Calls():
            calls = [
                _call(number, name, json.dumps(arguments))
                for number, (name, arguments) in enumerate(reply.calls)
            ]
            return {**message, "tool_calls": calls}, "tool_calls"
        case Chats():
            return {**message, "content": reply.text}, reply.finish_reason
        case Refuses():
            return {**message, "refusal": reply.text}, "stop"
    raise AssertionError(f"{reply} is no message")


def _call(number: int, name: str, arguments: str) -> dict[str, Any]:
    called = {"name": name, "arguments": arguments}
    return {"id": f"call-{number}", "type": "function", "function": called}


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content)
