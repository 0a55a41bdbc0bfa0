"""Exploring a user's memory with a language model that has tools, within hard limits.

This module needs the extra `hitherto[models]`; import it where a model was chosen, not before.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field
from pydantic_ai import Agent, RunContext, ToolDefinition, UsageLimits
from pydantic_ai.exceptions import (
    AgentRunError,
    FallbackExceptionGroup,
    UsageLimitExceeded,
    UserError,
)
from pydantic_ai.messages import ModelResponse, TextPart, ThinkingPart

from hitherto.core.recall.query_plan import QueryPlan
from hitherto.disclosure import disclosed
from hitherto.errors import RecallrAIError
from hitherto.inference.exploring.browser import Explored, Fact, Item, MemoryBrowser, Quotation
from hitherto.inference.exploring.run import (
    MAX_STEPS,
    SEARCHING_SHARE,
    ExplorationRun,
    Report,
    quoted,
    sentence,
)
from hitherto.inference.exploring.tools import toolset
from hitherto.inference.planning import conversation_text
from hitherto.inference.providers import REPAIRS, keep_untraced, refuse, request_settings
from hitherto.inference.tasks import Task
from hitherto.models import Message
from hitherto.prompts import task_prompt
from hitherto.threads import in_thread

if TYPE_CHECKING:
    from hitherto.inference.providers import Providers

_log = logging.getLogger("hitherto.inference")

_DOING = "exploring a memory"

MAX_FACTS = 30
MAX_LINES = 40
FIRST_ITEMS = 10
"""Most findings, changes and lines of an answer that are taken, and items of a kind in the first
look."""

ANSWER_NOW = "You have no more searches. Give your answer now, with what you have found."


class CitedWords(BaseModel):
    """An item that shows something, and the words of it that do."""

    number: int = Field(description="The number in brackets of an item that was shown.")
    quote: str = Field(default="", description="The words of the item, exactly.")


class CitedFact(BaseModel):
    """A sentence, and what shows it."""

    statement: str
    evidence: list[CitedWords] = Field(default_factory=list)


class ExploredAnswer(BaseModel):
    """What was found in the memory for the question."""

    findings: list[CitedFact] = Field(default_factory=list)
    working_out: list[str] = Field(default_factory=list)
    changes: list[CitedFact] = Field(default_factory=list)
    not_found: list[str] = Field(default_factory=list)


class Explorer:
    """Explores with the exploring model.

    deadline_s: after that there is an answer, whatever the model does. monotonic: seconds.
    """

    def __init__(
        self,
        providers: "Providers",
        deadline_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._providers = providers
        self._deadline_s = deadline_s
        self._monotonic = monotonic
        self._agent = _agent()

    async def explore(
        self,
        plan: QueryPlan,
        today: date,
        previous: Sequence[Message],
        library: MemoryBrowser,
        report: Report,
    ) -> Explored:
        """Return findings for a question; model errors become a failure in the result.

        plan: the first search. report: receives the steps, on the event loop.
        """
        soft_s = self._deadline_s * SEARCHING_SHARE
        run = ExplorationRun(library, today, report, self._monotonic, self._monotonic() + soft_s)
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._run_agent(plan, previous, run)
        except TimeoutError:
            failure = f"the model took longer than {self._deadline_s:g} s to explore"
        except UsageLimitExceeded:
            failure = f"the model gave no answer in {MAX_STEPS} steps"
        except (AgentRunError, FallbackExceptionGroup, UserError) as error:
            failure = self._reason(error)
        except RecallrAIError as error:
            failure = disclosed(error, _log, _DOING)
        return Explored(steps=tuple(run.steps), failure=failure)

    async def _run_agent(
        self, plan: QueryPlan, previous: Sequence[Message], run: ExplorationRun
    ) -> Explored:
        content = "\n".join(
            [
                conversation_text(plan.question, run.today, previous),
                "",
                *await in_thread(_first_look, plan, run),
            ]
        )
        async with self._agent.iter(
            content,
            model=self._providers.model(Task.EXPLORING),
            deps=run,
            model_settings=request_settings(Task.EXPLORING),
            usage_limits=UsageLimits(request_limit=MAX_STEPS + REPAIRS),
        ) as agent_run:
            async for node in agent_run:
                if Agent.is_call_tools_node(node):
                    _tell(node.model_response, run)
        if agent_run.result is None:
            raise UsageLimitExceeded("the run ended without an answer")
        return _check_answer(agent_run.result.output, run)

    def _reason(self, error: Exception) -> str:
        try:
            refuse(error, self._providers.name(Task.EXPLORING))
        except RecallrAIError as refused:
            return disclosed(refused, _log, _DOING)


def _agent() -> Agent[ExplorationRun, ExploredAnswer]:
    agent: Agent[ExplorationRun, ExploredAnswer] = Agent(
        output_type=ExploredAnswer,
        deps_type=ExplorationRun,
        instructions=task_prompt("exploring").text,
        toolsets=[toolset().filtered(_may_search)],
        retries={"tools": 2, "output": REPAIRS},
        end_strategy="early",
    )
    keep_untraced(agent)

    def hurry(context: RunContext[ExplorationRun]) -> str:
        return "" if _may_search(context) else ANSWER_NOW

    agent.instructions(hurry)
    return agent


def _may_search(context: RunContext[ExplorationRun], _: ToolDefinition | None = None) -> bool:
    return not context.deps.must_answer(context.usage.requests, context.usage.total_tokens)


def _first_look(plan: QueryPlan, run: ExplorationRun) -> list[str]:
    library = run.library
    wide = replace(plan, role=None)
    return [
        "What a first search found. Memories:",
        run.listing(library.memories(plan)[:FIRST_ITEMS], "None."),
        "",
        "Messages:",
        run.listing(library.messages(wide)[:FIRST_ITEMS], "None."),
    ]


def _tell(response: ModelResponse, run: ExplorationRun) -> None:
    """Report the texts of the model between calls of tools."""
    for part in response.parts:
        if isinstance(part, TextPart | ThinkingPart) and part.content.strip():
            run.step(part.content)


def _check_answer(answer: ExploredAnswer, run: ExplorationRun) -> Explored:
    """Return the answer without anything that rests on missing items."""
    unknown: set[int] = set()
    unsupported = 0

    def keep_supported(facts: Sequence[CitedFact]) -> tuple[Fact, ...]:
        nonlocal unsupported
        supported = []
        for fact in facts[:MAX_FACTS]:
            evidence, wrong = _evidence(fact, run)
            unknown.update(wrong)
            if evidence and fact.statement.strip():
                supported.append(Fact(sentence(fact.statement), evidence))
            else:
                unsupported += 1
        return tuple(supported)

    findings, changes = keep_supported(answer.findings), keep_supported(answer.changes)
    worked = _lines(answer.working_out) if findings or changes else ()
    return Explored(
        findings=findings,
        working_out=worked,
        changes=changes,
        missing=_lines(answer.not_found),
        unknown=len(unknown),
        unsupported=unsupported,
        steps=tuple(run.steps),
    )


def _evidence(fact: CitedFact, run: ExplorationRun) -> tuple[tuple[Quotation, ...], Sequence[int]]:
    """Return the quotations for a fact, one per item, and the numbers of unknown items."""
    quotations: dict[Item, Quotation] = {}
    unknown = []
    for cited in fact.evidence:
        item = run.item(cited.number)
        if item is None:
            unknown.append(cited.number)
        elif item not in quotations:
            quotations[item] = quoted(item, cited.quote)
    return tuple(quotations.values()), unknown


def _lines(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(line for text in texts[:MAX_LINES] if (line := sentence(text)))
