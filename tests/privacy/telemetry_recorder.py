"""What is exported once an operator has installed OpenTelemetry: `python telemetry_recorder.py`.

Prints a line of JSON: what Hitherto's service and agents export (`ours`), and what a plain FastAPI
application and a plain agent export (`theirs`), so that a test sees that the recorder works. The
recorder stands in for the SDK: it is registered through the API that every SDK implements.
"""

import asyncio
import json
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from fastapi import FastAPI
from opentelemetry import _logs, metrics, trace
from pydantic import SecretStr
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel
from tests.fakes import HashEmbedder
from tests.scripted_model import Says, scripted_model

from hitherto import AsyncHitherto, MessageRole, Parts, RecallStrategy, Settings
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.server import create_app
from hitherto.system import open_system

recorded: list[str] = []


class Tracer(trace.NoOpTracer):
    def start_span(self, name: str, *_: Any, **named: Any) -> trace.Span:
        recorded.append(f"span {name} {named.get('attributes')}")
        return trace.INVALID_SPAN

    def start_as_current_span(self, name: str, *_: Any, **named: Any) -> Any:
        return nullcontext(self.start_span(name, **named))


class Tracers(trace.TracerProvider):
    def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
        return Tracer()


class Meter(metrics.NoOpMeter):
    def create_histogram(self, name: str, *_: Any, **__: Any) -> metrics.Histogram:
        recorded.append(f"metric {name}")
        return metrics.NoOpHistogram(name)


class Meters(metrics.MeterProvider):
    def get_meter(self, name: str, *_: Any, **__: Any) -> metrics.Meter:
        return Meter(name)


class Logger(_logs.NoOpLogger):
    def emit(self, *given: Any, **named: Any) -> None:
        recorded.append(f"log {given} {named}")


class Loggers(_logs.LoggerProvider):
    def get_logger(self, name: str, *_: Any, **__: Any) -> _logs.Logger:
        return Logger(name)


async def request(app: FastAPI, headers: dict[str, str]) -> None:
    """Make requests that succeed, that are refused, and that end in an error nobody foresaw."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for path in ("/healthz", "/api/v1/users/secret-alice", "/api/v1/users?limit=nonsense"):
            await client.get(path, headers=headers)
        app.state.system = None
        await client.get("/api/v1/users", headers=headers)


async def ours(folder: Path) -> None:
    """The service, and a memory whose model extracts, plans and explores."""
    parts = Parts(embedder=HashEmbedder())
    system = await open_system(folder / "served.db", Settings(), parts)
    made = await system.admin.create_key(DEFAULT_PROJECT_ID)
    headers = {"X-Recallr-Api-Key": made.api_key, "X-Recallr-Project-Id": DEFAULT_PROJECT_ID}
    await request(create_app(system), headers)
    await system.close()
    with scripted_model() as model:
        model.otherwise = Says({"memories": [], "summary": "A secret."})
        settings = Settings(
            model="openai:scripted", model_base_url=model.url, model_api_key=SecretStr("unused")
        )
        async with AsyncHitherto(folder / "embedded.db", settings=settings, parts=parts) as memory:
            session = await (await memory.create_user("secret-alice")).create_session()
            await session.add_message(MessageRole.USER, "Where did I say that I live?")
            await session.get_context(recall_strategy=RecallStrategy.AGENTIC)
            await session.process()
            await memory.wait_until_processed()
        assert len(model.requests) > 2


async def theirs() -> None:
    """An application and an agent as everybody makes them."""
    app = FastAPI()

    @app.get("/api/v1/users")
    async def users() -> None:
        raise RuntimeError("secret")

    await request(app, {})
    await Agent(TestModel()).run("secret")


def main() -> None:
    """Record the one and the other."""
    trace.set_tracer_provider(Tracers())
    metrics.set_meter_provider(Meters())
    _logs.set_logger_provider(Loggers())
    Agent.instrument_all()
    exported = {}
    with TemporaryDirectory() as folder:
        asyncio.run(ours(Path(folder)))
    exported["ours"] = recorded.copy()
    recorded.clear()
    asyncio.run(theirs())
    exported["theirs"] = recorded
    print(json.dumps(exported))


if __name__ == "__main__":
    main()
