"""Daily budgets: limits, spending, and whether a call fits.

A day is a UTC day. Money is counted in whole billionths of a US dollar (nanos), so that sums are
exact. What is reserved for calls under way counts as spent.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import TypeVar

from hitherto.models.usage import Budgets

N = TypeVar("N", int, float)

NANOS_PER_USD = 1_000_000_000

ASCII_PER_TOKEN = 3
"""English prose has 4 to 5 characters per token; JSON, code and names have 3 to 4."""

BYTES_PER_TOKEN = 2
"""Beyond ASCII, in UTF-8: one token for a Greek letter, one and a half for a Chinese one."""

MESSAGE_TOKENS = 8
"""Tokens of the form around one text of a request."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Tokens, in and out together, and their price; a call of unknown price has none."""

    tokens: int = 0
    cost_nanos: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.tokens + other.tokens, self.cost_nanos + other.cost_nanos)


@dataclass(frozen=True, slots=True)
class Limit:
    """Upper limit of a day; None is unlimited."""

    tokens: int | None = None
    cost_nanos: int | None = None


@dataclass(frozen=True, slots=True)
class BudgetState:
    """State of one budget on a day. whose: "project" or "user"; taken: spent and reserved."""

    whose: str
    limit: Limit
    taken: Amount

    def left(self) -> Limit:
        """Return what is left, at least 0; None is unlimited."""
        tokens, cost_nanos = self.limit.tokens, self.limit.cost_nanos
        return Limit(
            None if tokens is None else max(0, tokens - self.taken.tokens),
            None if cost_nanos is None else max(0, cost_nanos - self.taken.cost_nanos),
        )


def refusal(budgets: Sequence[BudgetState], wanted: Amount) -> str | None:
    """Return why a call that may take this much is refused; None if it is allowed.

    Every budget must have room for all of it. With nothing to pay, money is no reason.
    """
    for budget in budgets:
        left = budget.left()
        if left.tokens is not None and wanted.tokens > left.tokens:
            return (
                f"the {budget.whose}'s budget of {budget.limit.tokens:,} tokens per day has "
                f"{left.tokens:,} left, and the call may take {wanted.tokens:,}"
            )
        if left.cost_nanos is not None and 0 < wanted.cost_nanos > left.cost_nanos:
            return (
                f"the {budget.whose}'s budget of {_usd(budget.limit.cost_nanos)} per day has "
                f"{_usd(left.cost_nanos)} left, and the call may cost {_usd(wanted.cost_nanos)}"
            )
    return None


def effective(own: Budgets, defaults: Budgets) -> Budgets:
    """Return a project's budgets: its own, and the settings' where it has none."""
    return replace(
        own,
        project_tokens_per_day=_first(own.project_tokens_per_day, defaults.project_tokens_per_day),
        project_usd_per_day=_first(own.project_usd_per_day, defaults.project_usd_per_day),
        user_tokens_per_day=_first(own.user_tokens_per_day, defaults.user_tokens_per_day),
        user_usd_per_day=_first(own.user_usd_per_day, defaults.user_usd_per_day),
        over_budget=defaults.over_budget if own.over_budget is None else own.over_budget,
    )


def of_project(budgets: Budgets) -> Limit:
    """Return the limit of all users of a project together."""
    return Limit(budgets.project_tokens_per_day, _nanos(budgets.project_usd_per_day))


def of_user(budgets: Budgets) -> Limit:
    """Return the limit of each user."""
    return Limit(budgets.user_tokens_per_day, _nanos(budgets.user_usd_per_day))


def day_of(instant: datetime) -> str:
    """Return the UTC day of an instant, written and sorted as `2025-03-14`."""
    return instant.astimezone(UTC).date().isoformat()


def next_day(instant: datetime) -> datetime:
    """Return the next midnight in UTC, when the day's budgets end."""
    tomorrow = instant.astimezone(UTC).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), UTC)


def days_back(instant: datetime, days: int) -> str:
    """Return the first of so many UTC days that end with the instant's."""
    return (instant.astimezone(UTC).date() - timedelta(days=days - 1)).isoformat()


def estimated_tokens(*texts: str) -> int:
    """Return an upper estimate of the tokens of a request with these texts.

    No tokenizer is used: each provider has its own, and some publish none. A text can be
    constructed that takes more tokens; the real usage counts once the call is settled.
    """
    return sum(map(_text_tokens, texts)) + MESSAGE_TOKENS * len(texts)


def to_usd(cost_nanos: int) -> float:
    """Return billionths of a US dollar as US dollars."""
    return cost_nanos / NANOS_PER_USD


def to_nanos(usd: float) -> int:
    """Return the nearest whole number of billionths of a US dollar."""
    return round(usd * NANOS_PER_USD)


def _text_tokens(text: str) -> int:
    if text.isascii():
        return math.ceil(len(text) / ASCII_PER_TOKEN)
    ascii_chars = sum(char.isascii() for char in text)
    beyond = len(text.encode("utf-8", "replace")) - ascii_chars
    return math.ceil(ascii_chars / ASCII_PER_TOKEN + beyond / BYTES_PER_TOKEN)


def _nanos(usd: float | None) -> int | None:
    return None if usd is None else to_nanos(usd)


def _first(own: N | None, default: N | None) -> N | None:
    return default if own is None else own


def _usd(cost_nanos: int | None) -> str:
    return f"${to_usd(cost_nanos or 0):,.6f}"
