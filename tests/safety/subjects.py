"""Measures patterns, functions and whole ways of a text through the core on pumped strings."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
from tests.safety import inventory
from tests.safety.arguments import DAY, NOW, Source, call_of, consumed, ways_of
from tests.safety.growth import Case, Growth, worst_growth
from tests.safety.pumps import MAX_CHARS, Pump, common_pumps, few_pumps, pumps_of
from tests.statement_models import KeepAll

from hitherto.core.context import recalled_data, render
from hitherto.core.extraction.extract import extract
from hitherto.core.extraction.summaries import summarise
from hitherto.core.history.redaction import redactor_for
from hitherto.core.recall import excerpts, index, multi_hop, passages, query_plan, ranking
from hitherto.core.reconciliation.reconcile import ExistingMemory, Insert, Plan, reconcile
from hitherto.core.safety import echo, low_trust
from hitherto.core.safety.screening import screen
from hitherto.core.text.caches import forget_texts
from hitherto.errors import RecallrAIError
from hitherto.inference.tasks import extraction
from hitherto.models import (
    Candidate,
    Extraction,
    GenerationPreferences,
    MemoryVersion,
    Message,
    MessageRole,
    SaidBy,
)
from hitherto.trained import provenance_classifier

START_CHARS: Final = 1_024
_AS_MANY: Final = {False: "one text", True: "many texts"}


def pattern_growth(
    found: inventory.FoundPattern, *, budget_s: float, longest_s: float
) -> list[Growth]:
    """Return how the times of the slowest texts of a pattern grow."""
    pumps = dict.fromkeys([*pumps_of(found.pattern), *common_pumps()])
    methods = sorted(found.methods)
    cases = (
        Case(found.name, method, pump, _pattern_call(found.pattern, method, pump))
        for pump in pumps
        for method in methods
    )
    return _measured(found.name, cases, budget_s, longest_s)


def function_growth(
    found: inventory.FoundFunction, *, budget_s: float, longest_s: float
) -> list[Growth]:
    """Return how the times of the slowest texts of a function grow."""
    cases = (
        Case(
            found.name,
            f"{parameter}, {_AS_MANY[many]}",
            pump,
            _function_call(found.call, parameter, pump, many),
        )
        for pump in few_pumps()
        for parameter, many in ways_of(found.call)
    )
    return _measured(found.name, cases, budget_s, longest_s)


def scenario_growth(name: str, *, budget_s: float, longest_s: float) -> list[Growth]:
    """Return how the times of the slowest texts of a scenario grow."""
    cases = (
        Case(name, _AS_MANY[many], pump, _scenario_call(SCENARIOS[name], pump, many))
        for pump in few_pumps()
        for many in (False, True)
    )
    return _measured(name, cases, budget_s, longest_s)


def _measured(name: str, cases: Iterable[Case], budget_s: float, longest_s: float) -> list[Growth]:
    bound = inventory.bound_of(name)
    start = min(START_CHARS, bound // 4) if bound else START_CHARS
    return worst_growth(
        cases,
        budget_s=budget_s,
        longest_s=longest_s,
        start_chars=start,
        max_chars=bound or MAX_CHARS,
        is_over_at_the_first=bound is None,
    )


def _pattern_call(
    pattern: re.Pattern[str], method: str, pump: Pump
) -> Callable[[int], Callable[[], object]]:
    def with_text(chars: int) -> Callable[[], object]:
        text = pump.text(chars)
        if method == "finditer":
            return lambda: [None for _ in pattern.finditer(text)]
        return lambda: getattr(pattern, method)(text)

    return with_text


def _function_call(
    function: Callable[..., Any], parameter: str, pump: Pump, many: bool
) -> Callable[[int], Callable[[], object]]:
    def with_text(chars: int) -> Callable[[], object]:
        positional, named = call_of(function, parameter, Source(pump, chars, many))

        def call() -> None:
            forget_texts()
            # What is refused, or does not fit together, is read all the same before it fails.
            try:
                consumed(function(*positional, **named))
            except (RecallrAIError, ValueError, KeyError, IndexError, TypeError):
                return

        return call

    return with_text


def _scenario_call(
    scenario: Callable[[Source], Callable[[], object]], pump: Pump, many: bool
) -> Callable[[int], Callable[[], object]]:
    def with_text(chars: int) -> Callable[[], object]:
        run = scenario(Source(pump, chars, many))

        def call() -> None:
            forget_texts()
            run()

        return call

    return with_text


def _messages(source: Source, role: MessageRole = MessageRole.USER) -> list[Message]:
    return [Message(role, each.text(), NOW) for each in source.items()]


def _version(number: int, content: str) -> MemoryVersion:
    return MemoryVersion(f"memory {number}", "session", content, NOW, NOW, NOW)


def _unit_vectors(rows: int) -> Any:
    return np.full((rows, 4), 0.5, np.float32)


def session(source: Source) -> Callable[[], object]:
    """A session of the user's, from its messages to a plan, by rules."""
    messages = _messages(source)

    def run() -> None:
        told = echo.without_echoes(messages, echo.served([], []))
        candidates = extract(told, NOW, KeepAll())
        summary = summarise(told, [each.content for each in candidates], NOW)
        found = Extraction(tuple(candidates), summary)
        kept = screen(found, told, [], NOW, provenance_classifier()).candidates
        reconcile(
            [],
            kept,
            _unit_vectors(len(kept)),
            session_id="session",
            session_created_at=NOW,
            conflicts_enabled=True,
            model=KeepAll(),
        )
        passages.cut(messages)

    return run


def quoted(source: Source) -> Callable[[], object]:
    """Statements of the user among memories that were quoted and statements that are."""
    contents = [each.text() for each in source.items()]
    said = [Candidate(content, NOW, NOW, (0,)) for content in contents]
    pasted = [Candidate(content, NOW, NOW, (0,), SaidBy.QUOTED) for content in contents]
    held = [
        ExistingMemory(
            replace(_version(number, content), said_by=SaidBy.QUOTED), np.full(4, 0.5, np.float32)
        )
        for number, content in enumerate(contents)
    ]
    plan = Plan(tuple(Insert(each, "new") for each in said), ())

    def run() -> None:
        low_trust.with_quoted(plan, held, [])
        low_trust.with_quoted(plan, held, pasted)

    return run


def found_by_a_model(source: Source) -> Callable[[], object]:
    """A session of which a model says that it found statements in each of its messages."""
    messages = _messages(source, MessageRole.ASSISTANT)
    wishes = extraction.ProjectPreferences(GenerationPreferences(), ())

    def run() -> None:
        parts = extraction.chunks(messages)
        answers = []
        for part in parts:
            extraction.content(part, NOW, wishes)
            memories = [
                extraction.FoundMemory(
                    statement=f"User likes {line.text[:40]} {number}",
                    evidence=[line.position + 1],
                )
                for number, line in enumerate(part.lines[: extraction.MAX_MEMORIES])
            ]
            answers.append(extraction.FoundInSession(memories=memories, summary="About likes."))
        found = extraction.read(answers, parts, messages, NOW, wishes)
        screen(found, messages, [_version(0, "User likes tea")], NOW, provenance_classifier())

    return run


def repeated_by_the_assistant(source: Source) -> Callable[[], object]:
    """Served text in an assistant's reply, and statements that only the reply makes."""
    messages = _messages(source, MessageRole.ASSISTANT)
    versions = [_version(number, message.content) for number, message in enumerate(messages)]
    summaries = [message.content for message in messages]

    def run() -> None:
        echo.without_echoes(messages, echo.served(versions, summaries, summaries[:1]))
        said = tuple(
            Candidate(message.content[:200], NOW, NOW, (position,), SaidBy.ASSISTANT)
            for position, message in enumerate(messages[:20])
        )
        screen(Extraction(said, ""), messages, versions, NOW, provenance_classifier())

    return run


def question(source: Source) -> Callable[[], object]:
    """A question, and the message before it."""
    text, messages = source.text(), _messages(source)

    def run() -> None:
        query_plan.plan(text, today=DAY, previous=messages, people=["ana"], wide=True)
        query_plan.plan("And her?", today=DAY, previous=messages, people=["ana"], wide=True)

    return run


def recall(source: Source) -> Callable[[], object]:
    """Messages that are indexed, ranked and quoted."""
    messages, text = _messages(source), source.text()

    def run() -> None:
        cut = passages.cut(messages)
        vectors = _unit_vectors(len(cut))
        built = index.build_message_index(
            [index.SessionPassages(DAY, messages, cut, vectors)], dimensions=4
        )
        plan = query_plan.plan(text, today=DAY, wide=True)
        queries = _unit_vectors(len(plan.dense_queries))
        lexical = ranking.lexical_scores(plan, built)
        found = multi_hop.explore(plan, queries, lexical, built)
        excerpts.select_excerpts(found.messages, built, built.estimated_tokens(), 1_000, queries)
        ranking.term_coverage(plan, built.lexical)

    return run


def deletion(source: Source) -> Callable[[], object]:
    """A text that is redacted, with memories that rest on parts of it."""
    text = source.text()
    deleted = ["User moved to Porto with Ana Lima", text[:200]]

    def run() -> None:
        gone = redactor_for(deleted, ["User likes tea"], ["User lives in Rome"])
        gone = gone.with_removed(gone.grounds(text))
        for redact in (
            gone.redact_evidence,
            gone.redact,
            gone.redact_summary,
            gone.redact_elsewhere,
            gone.states,
        ):
            redact(text)
        gone.quotes(text, "User likes tea", is_sibling=True)

    return run


def context(source: Source) -> Callable[[], object]:
    """A context of messages, memories and summaries, with and without a budget."""
    messages = tuple(_messages(source))
    history = tuple(_version(number, each.content) for number, each in enumerate(messages))
    parts = recalled_data.ContextParts(
        memories=tuple(
            recalled_data.RecalledMemory((version,), 0.5) for version in history[:2_000]
        ),
        summaries=(recalled_data.RecalledSummary("session", NOW, source.text(), 0.5),),
        excerpts=tuple(
            recalled_data.Excerpt("session", NOW, position, each.role, each.content, 0.5)
            for position, each in enumerate(messages)
        ),
        ongoing=(recalled_data.Conversation("other", NOW, messages),),
        analysis=recalled_data.Analysis(source.text()),
    )

    def run() -> None:
        for most in (None, 4_000):
            render.render(
                parts,
                timezone="UTC",
                max_tokens=most,
                count_tokens=lambda text: len(text) // 4,
            )

    return run


SCENARIOS: Final[Mapping[str, Callable[[Source], Callable[[], object]]]] = {
    each.__name__: each
    for each in (
        session,
        quoted,
        found_by_a_model,
        repeated_by_the_assistant,
        question,
        recall,
        deletion,
        context,
    )
}
"""Ways of a text through several functions; each returns the call to be measured."""
