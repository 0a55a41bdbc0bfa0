"""The prompts, one Markdown file per task, each known by the hash of its words."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from hitherto.errors import ValidationError
from hitherto.models import RecallStrategy

_FILES = {
    RecallStrategy.LOW_LATENCY: "structured.md",
    RecallStrategy.BALANCED: "structured.md",
    RecallStrategy.AGENTIC: "agentic.md",
}

HASH_CHARS = 12
"""Hexadecimal digits of SHA-256 that tell one prompt from another."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a language model is told to do. hash: of the text, the same wherever it is the same."""

    name: str
    text: str
    hash: str


@cache
def task_prompt(name: str) -> Prompt:
    """The prompt of a task, by the name of its file; no newline at its end."""
    text = _text(f"{name}.md")
    return Prompt(name, text, prompt_hash(text))


def prompt_hash(text: str) -> str:
    """What a prompt with these words is known by."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:HASH_CHARS]


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
    return _text(_FILES[strategy])


def system_prompts() -> list[str]:
    """Return the text of each system prompt, each once."""
    return [_text(name) for name in dict.fromkeys(_FILES.values())]


def _text(file_name: str) -> str:
    return (files(__name__) / file_name).read_text(encoding="utf-8").strip()
