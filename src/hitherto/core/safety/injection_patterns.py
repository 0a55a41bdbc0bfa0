"""Injection patterns: text that poses as an override, a system line, a tool call or markup.

People who speak about themselves do not use these forms, so a match taints its message. Injections
in plain words are left to the classifier (`provenance`): of all patterns that were tried, only
these matched attacks that it misses.
"""

import re
from dataclasses import dataclass

from hitherto.core.context.fence import has_tag
from hitherto.core.text.invisible import without_invisible
from hitherto.core.text.lookalikes import LOOKALIKES
from hitherto.core.text.normal_form import nfkc
from hitherto.models import QuarantineKind

QUOTED_CHARS = 120
"""Maximum characters of a quoted match."""

MAX_CHARS = 40_000
"""Characters that are read of a longer text; extraction reads half as many."""

_RULES = (
    r"(?:instructions?|prompts?|rules?|guidelines?|directives?|constraints?|restrictions?|orders?"
    r"|polic(?:y|ies)|filters?|programming|guardrails?|guidance)"
)
_TOOL_CALL = re.compile(
    r"</?\s?(?:tool_\w+|tool|function_calls?|invoke|parameter)\b[^<>\n]{0,80}>"
    r"|\"(?:tool|function|action)_?(?:calls?|use|name|input|args|arguments|id)\"\s?:"
    r"|\"(?:name|tool|function|action)\"\s?:\s?\"[\w.\- ]{1,60}\"\s?,\s?\"(?:arguments|args"
    r"|parameters|input|content|value|memory|fact)\"\s?:"
    r"|\b(?:save|add|store|create|update|write|insert|set)_(?:to_)?(?:user_)?(?:memory|memories"
    r"|fact|profile|preference)s?\s?\(|\bmemory\.(?:add|save|write|update|store|insert|set)\s?\("
    r"|<\|\s?(?:tool|python_tag|function)[^|<]{0,40}\|>",
    re.MULTILINE,
)
_MARKUP = re.compile(
    r"</?\s?(?:system(?:_prompt)?|instructions?|memor(?:y|ies)|context|untrusted|user_input"
    r"|prompt|assistant|human)\s?(?:/|\b[^<>\n]{0,40})>|\]\]>|<\|\s?(?:endof\w{1,20}|im_end"
    r"|eot_id)\s?\|>|^\s?[-=#*~]{2,9}\s?(?:end|begin) (?:of )?(?:the )?(?:recalled )?(?:context"
    r"|memor(?:y|ies)|(?:system )?prompt|instructions)\b",
    re.MULTILINE,
)
_ROLE_PLAY = re.compile(
    r"<\|\s?(?:im_start|start_header_id|system|assistant|user)[^|<]{0,20}\|>|\[/?inst\]"
    r"|<</?sys>>|^\s?#{2,4}\s?(?:system|assistant|human)\s?(?::|$)"
    r"|^\s?\[(?:system|assistant|developer)\]|^\s?[\[(*#]{0,4}(?:system|developer)(?: (?:prompt"
    r"|message|note))?[\])*]{0,3}\s?:",
    re.MULTILINE,
)
_OVERRIDE = re.compile(
    r"\b(?:ignore|disregard|forget|bypass|override|overwrite|discard|neglect)\s(?:\w+\s){0,3}?"
    r"(?:previous|prior|above|earlier|preceding|past|existing|original|initial|all|any|every"
    rf"|your|system|safety|former)\s(?:\w+\s){{0,3}}?{_RULES}\b"
    rf"|\b(?:new|updated|real|secret|hidden) (?:system )?{_RULES}(?: for you| from now on)?\s?:"
    r"|\b(?:enter|enable|activate|unlock) (?:the )?(?:developer|dev|god|dan|debug|admin|root"
    r"|jailbreak|unrestricted|override) mode\b",
    re.MULTILINE,
)
_PATTERNS = (
    (QuarantineKind.TOOL_CALL, _TOOL_CALL),
    (QuarantineKind.MARKUP, _MARKUP),
    (QuarantineKind.ROLE_PLAY, _ROLE_PLAY),
    (QuarantineKind.OVERRIDE, _OVERRIDE),
)
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class QuarantineReason:
    """Reason to quarantine a statement: its kind, and the words that show it."""

    kind: QuarantineKind
    quote: str


def find_injection(text: str) -> QuarantineReason | None:
    """Return the first match of a pattern in a text, or None. Takes linear time."""
    if has_tag(text[:MAX_CHARS]):
        return QuarantineReason(QuarantineKind.MARKUP, shorten_quote(text))
    plain = _plain(text)
    for kind, pattern in _PATTERNS:
        match = pattern.search(plain)
        if match is not None:
            return QuarantineReason(kind, shorten_quote(match[0]))
    return None


def shorten_quote(text: str) -> str:
    """Return the matching words on one line, cut to `QUOTED_CHARS`."""
    flat = " ".join(text[: 4 * QUOTED_CHARS].split()).strip(" ,.:;!?-")
    return flat if len(flat) <= QUOTED_CHARS else flat[: QUOTED_CHARS - 1] + "…"


def _plain(text: str) -> str:
    """Return the text in lower case, with one form of each letter and single blanks."""
    visible = nfkc(without_invisible(text[:MAX_CHARS]))[:MAX_CHARS]
    return _SPACE.sub(_single_blank, visible.translate(LOOKALIKES).casefold().translate(LOOKALIKES))


def _single_blank(run: re.Match[str]) -> str:
    return "\n" if "\n" in run[0] else " "
