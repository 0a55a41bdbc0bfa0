"""Prompts, one Markdown file per task, identified by their hash."""

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
    """Instructions for a language model. hash: of the text."""

    name: str
    text: str
    hash: str


@cache
def task_prompt(name: str) -> Prompt:
    """Return the prompt of a task by file name, without a final newline."""
    text = _text(f"{name}.md")
    return Prompt(name, text, prompt_hash(text))


def prompt_hash(text: str) -> str:
    """Return the hash that identifies a prompt's text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:HASH_CHARS]


@cache
def system_prompt(strategy: RecallStrategy) -> str:
    """Return the instructions for reading a context of this strategy.

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
