"""Render a context: recalled data as text for a language model, within a token budget.

`render` is the entry point. Its input (`ContextParts`) is ranked already; it decides which parts
are shown, in which form, and where. `docs/context.md` shows the layout.
"""

from dataclasses import replace
from zoneinfo import ZoneInfo

from hitherto.core.context.other_numbers import join_numbers
from hitherto.core.context.priorities import candidates, in_order, without_weak_memories
from hitherto.core.context.recalled_data import ContextParts
from hitherto.core.context.sections import Draft, Rendered
from hitherto.core.context.token_budget import CountTokens, TokenBudget, show_all
from hitherto.core.context.wording import Wording
from hitherto.core.dates.formatting import zone_of
from hitherto.errors import ValidationError

PROMPT_SEPARATOR = "\n\n\n"
"""Separator of the system prompt and the recalled text; released clients use the same."""

MINIMUM_BODY_TOKENS = 64
"""Minimum useful size: the fence, the first heading and one short line."""

FITTING_CHARACTERS_PER_TOKEN = 5
"""A text with more characters per token of the budget is not tried in its full form: English in
this layout has about four, and counting a text that cannot fit is the slowest step of all."""

MEMORY_CHARACTERS = 300
"""Characters of a memory's full form in addition to its content, which it shows twice."""


def render(
    parts: ContextParts,
    *,
    timezone: str | ZoneInfo,
    max_tokens: int | None,
    count_tokens: CountTokens,
    system_prompt: str = "",
) -> Rendered:
    """Render recalled data, within a token budget if there is one.

    max_tokens: never exceeded, `system_prompt` included. If everything fits in its full form, that
        is the result; otherwise the most useful lines are bought first, in a shorter form.
    count_tokens: of any text; called once per line and a few times for the whole.
    system_prompt: stands in front of the recalled text; empty for none.

    Raises ValidationError for an unknown time zone, and for a budget that leaves the recalled text
    less than `MINIMUM_BODY_TOKENS`.
    """
    zone = zone_of(timezone)
    prefix = f"{system_prompt}{PROMPT_SEPARATOR}" if system_prompt else ""
    if max_tokens is None:
        draft = Draft(parts, Wording(zone, compact=False))
        show_all(draft.body)
        return draft.rendered(draft.text(prefix), None)
    prompt_tokens = count_tokens(prefix) if prefix else 0
    _check_budget(max_tokens, prompt_tokens, MINIMUM_BODY_TOKENS)
    full = _full_form(parts, zone, prefix, max_tokens, count_tokens)
    if full is not None:
        return full
    kept = without_weak_memories(parts)
    leaves_out = len(kept.memories) < len(parts.memories)
    kept = replace(kept, memories=join_numbers(kept.memories))
    draft = Draft(kept, Wording(zone, compact=True), leaves_out)
    budget = TokenBudget(draft.body, max_tokens - count_tokens(draft.text(prefix)), count_tokens)
    budget.add(candidates(draft, budget.tokens))
    return _fit_to_budget(draft, budget, prefix, max_tokens, count_tokens)


def _fit_to_budget(
    draft: "Draft", budget: TokenBudget, prefix: str, max_tokens: int, count_tokens: CountTokens
) -> Rendered:
    """Return the text of a draft; if it is too long, without the pieces added last.

    Raises ValidationError if it is too long without any.
    """
    while True:
        text = draft.text(prefix)
        tokens = count_tokens(text)
        if tokens <= max_tokens:
            return draft.rendered(text, tokens)
        if not budget.undo(tokens - max_tokens):
            prompt_tokens = count_tokens(prefix) if prefix else 0
            _check_budget(max_tokens, prompt_tokens, tokens - prompt_tokens)


def _check_budget(max_tokens: int, prompt_tokens: int, body_tokens: int) -> None:
    """Raise ValidationError unless prompt and body fit."""
    smallest = prompt_tokens + body_tokens
    if max_tokens >= smallest:
        return
    remedy = f"ask for at least {smallest}"
    if prompt_tokens:
        remedy += (
            f", of which the system prompt takes {prompt_tokens},"
            " or pass include_system_prompt=False"
        )
    raise ValidationError(f"max_tokens={max_tokens} is too small for a context; {remedy}")


def _full_form(
    parts: ContextParts, zone: ZoneInfo, prefix: str, max_tokens: int, count_tokens: CountTokens
) -> Rendered | None:
    """Return the full form if it fits, else None.

    It is not counted if its length rules that out. It may have only the newest messages of the
    conversation that asks.
    """
    most_characters = max_tokens * FITTING_CHARACTERS_PER_TOKEN
    recalled = sum(len(excerpt.content) for excerpt in parts.excerpts)
    recalled += sum(2 * len(memory.history[0].content) for memory in parts.memories)
    recalled += MEMORY_CHARACTERS * len(parts.memories)
    if recalled > most_characters:
        return None
    draft = Draft(parts, Wording(zone, compact=False))
    show_all(draft.body)
    draft.leave_out_asking()
    text = draft.text(prefix)
    if len(text) > most_characters:
        return None
    tokens = count_tokens(text)
    if tokens > max_tokens:
        return None
    if not draft.asking:
        return draft.rendered(text, tokens)
    budget = TokenBudget(draft.body, max_tokens - tokens, count_tokens)
    budget.add(in_order(draft.asking, 0))
    return _fit_to_budget(draft, budget, prefix, max_tokens, count_tokens)
