"""State of one exploration: question, shown items, limits."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from hitherto.core.context.fence import FENCE_CLOSING, FENCE_OPENING, paragraph
from hitherto.core.recall import query_plan
from hitherto.core.recall.query_plan import QueryPlan
from hitherto.inference.exploring.browser import Item, MemoryBrowser, Quotation

MAX_STEPS = 8
"""Answers of the model in one exploration; the last one has no tools."""

MAX_CALLS = 24
"""Calls of tools in one exploration, since one step may make several."""

SEARCHING_SHARE = 0.6
"""Share of the time after which there are no more searches, so that an answer can be written."""

LISTING_TOKENS = 1_000
READ_TOKENS = 10_000
"""Maximum tokens of one tool's answer, and of all answers before searching ends."""

USED_TOKENS = 60_000
"""Tokens of requests and answers after which searching ends."""

LONGEST_SHOWN_CHARS = 1_600
LONGEST_QUOTE_CHARS = 280
LONGEST_REPORTED_CHARS = 160

Report = Callable[[str], None]
"""Receives a line about each step."""

_BRACKETED = re.compile(r" ?\[\d+(?:, ?\d+)*\]")


@dataclass(slots=True)
class ExplorationRun:
    """State of one exploration, for its tools.

    library: the explored memory. today: the day for relative dates. report: receives each step.
    deadline: end of searching, by `monotonic`.
    """

    library: MemoryBrowser
    today: date
    report: Report
    monotonic: Callable[[], float]
    deadline: float
    steps: list[str] = field(default_factory=list)
    calls: int = 0
    read_tokens: int = 0
    _shown: list[Item] = field(default_factory=list)
    _numbers: dict[tuple[str, str, int, int], int] = field(default_factory=dict)

    def plan(self, text: str) -> QueryPlan:
        """Return the query plan of a search text."""
        return query_plan.plan(text, today=self.today, people=self.library.people)

    def step(self, doing: str) -> None:
        """Report and record a step."""
        line = paragraph(doing)
        if len(line) > LONGEST_REPORTED_CHARS:
            line = f"{line[:LONGEST_REPORTED_CHARS]}…"
        self.steps.append(line)
        self.report(line)

    def must_answer(self, requests: int, used_tokens: int) -> bool:
        """Return whether no search is left; requests: answered so far."""
        return (
            requests >= MAX_STEPS - 1
            or self.calls >= MAX_CALLS
            or self.read_tokens >= READ_TOKENS
            or used_tokens >= USED_TOKENS
            or self.monotonic() >= self.deadline
        )

    def item(self, number: int) -> Item | None:
        """Return the item that was shown under a number."""
        return self._shown[number - 1] if 0 < number <= len(self._shown) else None

    def listing(self, items: Sequence[Item], when_empty: str, *, again: bool = False) -> str:
        """Return items for the model: numbered, fenced, and within `LISTING_TOKENS`.

        again: whether items that were shown before are written out.
        """
        if not items:
            return when_empty
        lines: list[str] = []
        left = LISTING_TOKENS
        for item in items:
            line = self._line(item, again)
            left -= self.library.count_tokens(line)
            if left < 0 and lines:
                break
            lines.append(line)
        self.read_tokens += LISTING_TOKENS - max(left, 0)
        if (omitted := len(items) - len(lines)) > 0:
            lines.append(f"{FENCE_CLOSING}\n{omitted} more are left out here; ask more precisely.")
        else:
            lines.append(FENCE_CLOSING)
        return "\n".join([FENCE_OPENING, *lines])

    def _line(self, item: Item, again: bool) -> str:
        key = (item.kind.value, item.item_id, item.position, item.start)
        if key not in self._numbers:
            self._shown.append(item)
            self._numbers[key] = len(self._shown)
        elif not again:
            return f"[{self._numbers[key]}] as shown before"
        text = item.text
        if len(text) > LONGEST_SHOWN_CHARS:
            text = f"{text[:LONGEST_SHOWN_CHARS]}…"
        about = "; ".join(part for part in (item.source, item.details) if part)
        return f"[{self._numbers[key]}] {paragraph(about)}: {paragraph(text)}"


def quoted(item: Item, words: str) -> Quotation:
    """Return the quoted words as they are in the item, or else the item's beginning."""
    text = " ".join(item.text.split())
    whole = " ".join(words.split())
    quotation = text
    for words_to_find in (whole, whole.strip("\"'“”…. ")):
        match = re.search(re.escape(words_to_find), text, re.IGNORECASE) if words_to_find else None
        if match is not None:
            quotation = match[0]
            break
    if len(quotation) > LONGEST_QUOTE_CHARS:
        quotation = f"{quotation[:LONGEST_QUOTE_CHARS].rsplit(' ', 1)[0]} …"
    return Quotation(item, quotation)


def sentence(text: str) -> str:
    """Return a sentence of the model on one line, without the numbers of items."""
    return " ".join(_BRACKETED.sub("", text).split())
