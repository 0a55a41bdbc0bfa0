"""Query plans by a language model: one small call, and the rules if it fails."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from hitherto.core.context.fence import FENCE_CLOSING, FENCE_OPENING, paragraph
from hitherto.core.dates.calendar import day_text
from hitherto.core.recall import query_plan
from hitherto.core.recall.query_plan import DateRange, QueryPlan, Reading
from hitherto.disclosure import disclosed
from hitherto.errors import RecallrAIError
from hitherto.inference.tasks import Task
from hitherto.models import Message, MessageRole
from hitherto.prompts import task_prompt

if TYPE_CHECKING:
    from hitherto.inference.providers import Providers

_log = logging.getLogger("hitherto.inference")

LONGEST_QUESTION_CHARS = 2_000
LONGEST_PREVIOUS_CHARS = 500
PREVIOUS_SHOWN = 4
"""Limits on the conversation in the prompt. A longer question shows its beginning and its end."""


class PlannedRange(BaseModel):
    """Days that a question asks about, first and last included."""

    first: date
    last: date


class PlannedQuery(BaseModel):
    """How to search for what a question asks."""

    vector_queries: list[str] = Field(default_factory=list)
    keywords: list[str] = Field(default_factory=list)
    summary_queries: list[str] = Field(default_factory=list)
    date_ranges: list[PlannedRange] = Field(default_factory=list)
    said_by: Literal["user", "assistant", "anyone"] = "anyone"
    counting: bool = False
    about_past: bool = False
    broad: bool = False


class Planner:
    """Makes query plans by a model, or by rules if the model fails or is late."""

    def __init__(self, providers: "Providers", deadline_s: float) -> None:
        self._providers = providers
        self._deadline_s = deadline_s

    async def plan(
        self, question: str, today: date, previous: Sequence[Message], people: Collection[str]
    ) -> QueryPlan:
        """Return a query plan; never raises, since rules replace a failed model."""
        by_rules = query_plan.plan(
            question, today=today, previous=previous, people=people, wide=True
        )
        if not by_rules.question:
            return by_rules
        try:
            async with asyncio.timeout(self._deadline_s):
                answer = await self._providers.ask(
                    Task.PLANNING,
                    task_prompt("planning"),
                    conversation_text(by_rules.question, today, previous),
                    PlannedQuery,
                )
        except TimeoutError:
            reason = f"the model took longer than {self._deadline_s:g} s to plan"
            return replace(by_rules, fallback=reason)
        except RecallrAIError as error:
            return replace(by_rules, fallback=disclosed(error, _log, "planning a search"))
        return query_plan.combine(by_rules, _reading(answer.output))


def conversation_text(question: str, today: date, previous: Sequence[Message]) -> str:
    """Return the end of a conversation for a prompt, fenced and bounded."""
    lines = [
        f"{message.role.upper()}: {shorten(message.content, LONGEST_PREVIOUS_CHARS)}"
        for message in previous[-PREVIOUS_SHOWN:]
    ]
    before = ["Said before the question:", FENCE_OPENING, *lines, FENCE_CLOSING, ""]
    return "\n".join(
        [
            f"The day of the conversation: {day_text(today, weekday=True)} ({today.isoformat()})",
            "",
            *(before if lines else ()),
            "The question:",
            FENCE_OPENING,
            shorten(question, LONGEST_QUESTION_CHARS),
            FENCE_CLOSING,
        ]
    )


def shorten(text: str, longest_chars: int) -> str:
    """Return a recalled text on one line without tags; a long one loses its middle."""
    if len(text) > longest_chars:
        half = longest_chars // 2
        text = f"{text[:half]} … {text[-half:]}"
    return paragraph(text)


def _reading(planned: PlannedQuery) -> Reading:
    return Reading(
        queries=planned.vector_queries,
        keywords=planned.keywords,
        summary_queries=planned.summary_queries,
        dates=[DateRange(days.first, days.last) for days in planned.date_ranges],
        said_by=None if planned.said_by == "anyone" else MessageRole(planned.said_by),
        about_past=planned.about_past,
        counting=planned.counting,
        broad=planned.broad,
    )
