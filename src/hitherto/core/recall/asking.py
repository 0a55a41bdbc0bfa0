"""Leave out the words of a question that are about asking and answering."""

import re
from typing import Final

from hitherto.core.text.sentences import sentences
from hitherto.core.text.tokens import content_tokens

FEWEST_CONTENT_WORDS: Final = 2
"""With fewer content words left, a question is searched for as it stands."""

_FORM: Final = re.compile(
    r"\A(?:please |and |but )?(?:list|name|mention|give|answer|reply|respond|keep|limit|use|write"
    r"|be|make|do not|don't|only)\b.{0,200}\b(?:only|items?|words?|sentences?|lines?|brief(?:ly)?"
    r"|short|concise|bullets?|bullet points?|yes or no|example|detail(?:ed)?)\b",
    re.IGNORECASE,
)
"""Beginning of a sentence that only says how to answer."""

_ABOUT_ASKING: Final = re.compile(
    r"\b(?:can|could|would|will) you (?:please )?(?:list|summari[sz]e|recap|outline|describe"
    r"|walk me through|give me|tell me)\b"
    r"|\A(?:please )?(?:summari[sz]e|walk me through|give me)\b"
    r"|\bthe order in which\b|,? in order\b(?=\W*\Z)"
    r"|\b(?:that |which )?I(?:'ve| have)? (?:brought up|mentioned|discussed)\b"
    r"|\bdid I (?:bring up|mention|discuss)\b"
    r"|\b(?:the )?(?:different|various) aspects of\b|\b(?:a|an|the) (?:summary|overview) of\b"
    r"|\b(?:throughout|across|over|during) (?:all )?(?:of )?our (?:conversation|chat|session)s?\b",
    re.IGNORECASE,
)


def without_asking(question: str) -> str:
    """Return a question without words about asking, if enough of it is left."""
    parts = sentences(question)
    if len(parts) > 1 and _FORM.match(parts[-1]):
        question = _if_enough(" ".join(parts[:-1]), question)
    return _if_enough(" ".join(_ABOUT_ASKING.sub(" ", question).split()), question)


def _if_enough(text: str, otherwise: str) -> str:
    return text if len(content_tokens(text)) >= FEWEST_CONTENT_WORDS else otherwise
