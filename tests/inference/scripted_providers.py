"""Scripted models in this process; no request leaves it."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import date
from typing import Any

from pydantic_ai import ModelMessage, ModelResponse, ToolCallPart
from pydantic_ai.messages import TextPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from hitherto.core.recall.query_plan import QueryPlan
from hitherto.inference import LocalInference
from hitherto.inference.exploring.agent import Explorer
from hitherto.inference.exploring.browser import Explored, MemoryBrowser
from hitherto.inference.planning import PlannedQuery, Planner
from hitherto.inference.providers import Answer
from hitherto.inference.tasks import Task
from hitherto.models import Message

Planned = Callable[[str], Awaitable[PlannedQuery]]
Turn = ModelResponse | Exception | Callable[[str], ModelResponse]


def call(tool: str, /, **arguments: Any) -> ModelResponse:
    return ModelResponse(parts=[ToolCallPart(tool, arguments)])


def saying(text: str, response: ModelResponse) -> ModelResponse:
    return ModelResponse(parts=[TextPart(text), *response.parts])


def answer(**fields: Any) -> ModelResponse:
    return call("final_result", **fields)


def fact(statement: str, *evidence: tuple[int, str]) -> dict[str, Any]:
    cited = [{"number": number, "quote": quote} for number, quote in evidence]
    return {"statement": statement, "evidence": cited}


class ScriptedProviders:
    """Providers with scripted answers for a planner and an explorer.

    turns: of the explorer, the last one again and again; a function gets all that was shown.
    """

    def __init__(self, *turns: Turn, planned: Planned | None = None) -> None:
        self.turns = list(turns)
        self.planned = planned
        self.asked: list[str] = []
        self.shown: list[str] = []
        self.offered: list[set[str]] = []
        self.instructions: list[str] = []

    async def ask(self, task: Task, prompt: Any, content: str, output_type: Any) -> Answer[Any]:
        assert task is Task.PLANNING
        self.asked.append(content)
        if self.planned is None:
            return Answer(output_type(), "test:mind")
        return Answer(await self.planned(content), "test:mind")

    def name(self, task: Task) -> str:
        return "test:mind"

    def model(self, task: Task) -> FunctionModel:
        assert task is Task.EXPLORING
        return FunctionModel(self._respond)

    async def _respond(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.shown.append("\n".join(str(part.content) for part in messages[-1].parts))
        self.offered.append({tool.name for tool in info.function_tools})
        self.instructions.append(info.instructions or "")
        turn = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        if isinstance(turn, Exception):
            raise turn
        return turn("\n".join(self.shown)) if callable(turn) else turn


class ScriptedInference(LocalInference):
    """Inference by rules, except for planning and exploring."""

    def __init__(
        self, scripted: ScriptedProviders, *, plan_s: float = 5.0, explore_s: float = 5.0
    ) -> None:
        super().__init__()
        self.scripted = scripted
        self._planner = Planner(scripted, plan_s)  # type: ignore[arg-type]
        self._explorer = Explorer(scripted, explore_s)  # type: ignore[arg-type]

    async def plan(
        self, question: str, today: date, previous: Sequence[Message], people: Collection[str]
    ) -> QueryPlan:
        return await self._planner.plan(question, today, previous, people)

    async def explore(
        self,
        plan: QueryPlan,
        today: date,
        previous: Sequence[Message],
        library: MemoryBrowser,
        report: Callable[[str], None],
    ) -> Explored | None:
        return await self._explorer.explore(plan, today, previous, library, report)


async def hang(content: str) -> PlannedQuery:
    await asyncio.Event().wait()
    raise AssertionError
