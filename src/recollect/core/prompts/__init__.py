"""The prompts, one Markdown file per task."""

from functools import cache
from importlib.resources import files

from recollect.errors import ValidationError
from recollect.models import RecallStrategy

_FILES = {
    RecallStrategy.LOW_LATENCY: "structured.md",
    RecallStrategy.BALANCED: "structured.md",
    RecallStrategy.AGENTIC: "agentic.md",
}


@cache
def system_prompt(strategy: RecallStrategy) -> str:
    """What tells a language model how to read a context of this strategy; no newline at its end.

    Raises ValidationError for `AUTO`, which always becomes one of the others.
    """
    if strategy not in _FILES:
        raise ValidationError(
            f"recall strategy {strategy.value!r} has no system prompt of its own; ask for that of"
            " 'low_latency', 'balanced' or 'agentic'"
        )
    return (files(__name__) / _FILES[strategy]).read_text(encoding="utf-8").strip()
