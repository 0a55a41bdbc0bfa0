"""Filter of messages: the parts that the user states in earnest.

Left out are code, quotations, pasted documents, other languages,
questions, requests, conditions and small talk.
"""

import re
from collections.abc import Iterator, Sequence

from hitherto.core.text import english_words as english
from hitherto.core.text.languages import OTHER_FUNCTION_WORDS

MAX_MESSAGE_CHARS = 20_000
"""Longer messages are pasted documents; only their beginning is read."""
MIN_ENGLISH = 0.15
"""Least share of English function words among the words of an English text."""
MAX_SENTENCE_CHARS = 600
"""No spoken sentence is longer; what is longer is a list, a log or a table."""

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]{0,200}`", re.DOTALL)
_QUOTED = re.compile(r'(?:(?<=\s)|\A)["“][^"“”\n]{12,2000}["”]')
_URL = re.compile(r"https?://\S+|www\.\S+|[^\s@]{1,64}@[^\s@]{1,64}\.\w{2,10}")
_PASTE_START = re.compile(
    r"(?:dear\b.{0,60},|hi\b.{0,40},|subject:|from:|to:|abstract\b|introduction\b|chapter \d"
    r"|.{0,200}\b(?:here(?:'s| is| are)|below|following|this|these|text|draft|essay|email|letter"
    r"|article|paragraph|passage|code|error|log|transcript|lyrics|chorus|poem|story|notes"
    r"|minutes)\b"
    r".{0,60}[:?])[ \t]*\Z",
    re.IGNORECASE,
)
QUOTE_MARK = "␠"
"""Stands where a quotation was taken out."""
_ASIDE = re.compile(
    r",[ ]*(?:would you believe(?: it)?|believe it or not|you know|bless (?:him|her|them)"
    r"|i must say"
    r"|i'm (?:sorry|sad|glad|happy|proud|afraid) to say|to be honest|of course|by the way|btw"
    r"|honestly|actually|apparently|obviously|unfortunately|sadly|luckily|fortunately|thankfully"
    r"|\w+ enough|can you imagine|i think|i guess|i believe|i suppose|as you know|lol|haha)"
    r"(?=[ ]*(?:[,.!?]|\Z))[ ]*,?",
    re.IGNORECASE,
)
_LAST_TALK = re.compile(
    r"(?:,[ ]*+|(?<![, ])[ ]++|)\b(?:(?:ever )?since (?:"
    r"(?:we|i) (?:last |have |'ve )*(?:spoke|spoken|talked|chatted|caught up|met|saw you|seen you)"
    r"(?: last)?|(?:our|the) last (?:chat|talk|conversation|time(?: we (?:spoke|talked|chatted))?))"
    r"|on (?:a|an) ?(?:other|\w+) note"
    r"|speaking of(?: which| that)?(?=[,.!]|\Z))\b,?[ ]*",
    re.IGNORECASE,
)
"""Turns of conversation, which say nothing."""
_EMOTE = re.compile(r"[\u2600-\u27bf\U0001f000-\U0001faff]|[:;]-?[)(DPp](?=\s|$)|<3")
_PRIVATE = re.compile("[\ue000-\uf8ff]")
_FILLER = re.compile(
    r"(?:(?:oh|ah|well|so|ok|okay|yeah|ya|yes|yep|yup|ye|no|nah|nope|hmm+|haha+|lol|wow|ugh|hey|hi"
    r"|hello|anyway|anyways|btw|by the way|actually|also|and|but|or|plus|honestly|to be honest|tbh"
    r"|ngl|fyi|for context|for the record|for reference|for what it's worth|just so you know|sure"
    r"|true|right|exactly|indeed|great|cool|nice|perfect|awesome|amazing|thanks|thank you|cheers"
    r"|good idea|good point|good morning|morning|on another note|in other news|speaking of which"
    r"|that said|in fact|as i (?:said|mentioned)|like i said|one more thing|another thing|lately,"
    r"|unfortunately|sadly|luckily|fortunately|thankfully|anyhow|besides|basically|of course|please"
    r"|though|however|not really"
    r"|i do(?=[,.!])|please do|i guess|i mean|you know|you see|idk|gosh|omg|yay"
    r"|let me think|good news|bad news|guess what|where do i (?:begin|start)"
    r"|fun fact|update|background|context|quick update"
    r"|side note|switching topic|last thing|seriously|sorry)\b(?:[ \t]*[,.!:…–—-]+[ \t]*|[ \t]+|\Z)"
    r"|speaking of [^,.]{1,60},[ \t]+"
    r"|[,.!:…–—\-*•\d)]{1,3}[ \t]+)",
    re.IGNORECASE,
)
_NOT_FILLER = re.compile(
    r"(?:no|yes|right|sure|true|great|nice|cool|well|so|like|good|amazing|perfect|morning|lately"
    r"|sorry|please|background|context|update|thanks|thank you|last thing)[ \t]+"
    r"(?!i\b|i'|my\b|we\b|we')",
    re.IGNORECASE,
)
_FRAME = re.compile(
    r"(?:i (?:just )?(?:think|guess|suppose|believe|mean|figure"
    r"|should (?:also )?(?:mention|say|note)"
    r"|(?:just )?(?:wanted|want) to (?:let you know|tell you|mention|say)|forgot to (?:mention|say)"
    r"|must (?:say|admit)|have to (?:say|admit)|'d say|realized|realised|found out|also think)"
    r"|(?:as |like )?(?:i(?: have|'ve)? (?:already |just )?(?:told you|mentioned|said))(?: before)?"
    r"|(?:do not|don't) forget|you (?:already )?know|did you know"
    r"|(?:please )?(?:remember|note|keep in mind|be aware|bear in mind)"
    r"|(?:it|the (?:thing|problem|point|reason|issue)) is|it turns out|turns out|what happened is"
    r"|(?:let me|i'll|i can) (?:tell you|add|share)"
    r"|i'm (?:happy|glad|proud|excited|sad|sorry|afraid) to"
    r" (?:say|report|share|tell you)|did i (?:mention|tell you)|given|considering|now"
    r"|the good news is|the bad news is)[ ,:]+(?:that[ ,]+)?(?=i\b|i'|my\b|we\b|we'|our\b)",
    re.IGNORECASE,
)
_REASON_FRAME = re.compile(
    r"(?:since|as|because|given that|now that|considering(?: that)?|seeing as|although|though"
    r"|even though|while)[ ]+(?=(?:i|my|we|our)\b)",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"(?:\A|[,:.!–—(-][ ]{0,3}(?:and|so|but|or|then|also)?[ ]{0,3}|\b(?:and|so|but|or)[ ]+)"
    r"(?:(?:please|maybe|perhaps|then|now|also|if so|in that case|first)[ ,]+)?"
    r"(?:(?:can|could|would|will|do|did|don't|have|are|were) (?:you|u|i|we|there|they|it)\b"
    r"|(?:is|are|was|does|did|has|should|can|do) (?:it|there|this|that|i|we|the|my|they|any)\b"
    r"|(?:any|some) (?:tips|ideas?|advice|suggestions?|recommendations?|recs|thoughts|good)\b"
    r"|what(?:'s|s)?\b|how(?:'s)?\b(?! i\b)|why\b"
    r"|who(?:'s)?\b(?= (?:is|was|are|should|can)\b[^?]*\?)"
    r"|(?:where|when) (?:can|should|do|is|are)\b(?=[^?]*\?)|which\b(?=.*\?)"
    r"|please\b|help me\b|tell me\b|give me\b|show me\b|let me know\b|let's\b|suggest\b|recommend\b"
    r"|write\b|explain\b|make (?:me|it|a|the|sure)\b|create\b|list\b|find\b|summari[sz]e\b|draft\b"
    r"|translate\b|describe\b|keep (?:it|in)\b|remind me\b|wondering (?:if|what|how|whether)\b"
    r"|(?:i was |i'm |i am )?(?:just )?(?:wondering|curious|hoping you)\b"
    r"|(?:i(?:'d| would)? )(?:like|love|want|need|appreciate)(?: for)? (?:you|your|it if|some help"
    r"|help|advice|any|to know|to ask|suggestions|some (?:ideas|tips|advice|suggestions))\b"
    r"|don't tell\b|don't worry\b|thanks\b|thank you\b)",
    re.IGNORECASE,
)
_TAG = re.compile(
    r"(?<![, ])[, ]++(?:right|you know|isn't it|ok|okay|eh|huh|y'know|lol|haha+|ha|tho|ngl)"
    r"[ ]*[?!.]*\Z",
    re.I,
)
_CALL_ME = re.compile(
    r"(?:you can |please |just )*call me ((?-i:[A-Z])[\w'-]{1,30})\b", re.IGNORECASE
)
_ROLE = re.compile(r"\A(?:as|being) (an? [^,]{3,60}?),[ ]+(?=\w)", re.IGNORECASE)
_NOT_ROLE = re.compile(
    r"an? (?:result|rule|bonus|side|consequence|kid|child|teen|teenager|matter|start|reminder"
    r"|whole|precaution|treat|last|first|way|student at|baby|heads)\b",
    re.IGNORECASE,
)


_SPELLINGS = {
    "tmrw": "tomorrow", "tmr": "tomorrow", "tomoz": "tomorrow", "2moro": "tomorrow",
    "yday": "yesterday", "wknd": "weekend", "tonite": "tonight", "2nite": "tonight",
    "ppl": "people", "fave": "favourite", "fav": "favourite", "appt": "appointment", "n": "and",
    "id": "i'd", "ill": "i'll",
}  # fmt: skip
_CHAT_SPELLING = re.compile(
    r"\b(?:tmrw?|tomoz|2moro|yday|wknd|tonite|2nite|ppl|fave?|appt|(?<= )n(?= [a-z])"
    r"|id(?= (?:love|like|rather|been|go|have|say|never)\b)"
    r"|ill(?= (?:be|have|go|start|need|probably|get|do|never)\b))\b",
)
_NOISE = re.compile(
    r"[ ](?:lol|lmao|lmfao|haha(?:ha)*|hehe|omg|ngl|tbh|fr|smh|btw|xx+|imo|istg|innit|bruh|af)\b"
    r"(?=[ ,.!?]|\Z)",
    re.IGNORECASE,
)


def _spell_out(match: re.Match[str]) -> str:
    return _SPELLINGS[match[0]]


def spoken_text(content: str) -> str:
    """Return the message without code, quotations, addresses and pasted documents."""
    text = _PRIVATE.sub("", content[:MAX_MESSAGE_CHARS].replace("’", "'").replace("‘", "'"))
    text = _URL.sub(" ", _CODE.sub("\n", text))
    text = _NOISE.sub(",", _CHAT_SPELLING.sub(_spell_out, text))
    text = _EMOTE.sub(". ", _QUOTED.sub(f" {QUOTE_MARK} ", text))
    return "\n".join(_drop_pastes(text.split("\n")))


_ABOUT_SELF = re.compile(
    r"\b(?:about (?:me|myself|us)|my (?:situation|background|details|preferences|info|routine))\b",
    re.I,
)


def _drop_pastes(lines: Sequence[str]) -> Iterator[str]:
    last = max((index for index, line in enumerate(lines) if line.strip()), default=0)
    for index, line in enumerate(lines):
        stripped = line.strip()
        if stripped.startswith((">", "|", "#", "$ ", "<")):
            continue
        if (
            index < last
            and _PASTE_START.match(stripped[-240:])
            and not _ABOUT_SELF.search(stripped)
        ):
            yield stripped
            return
        yield stripped


def is_english(text: str) -> bool:
    """Return whether the function words of a text are English.

    A text without function words is not English, but texts of up to three words, or six without
    words of either kind, pass: the rules that follow judge them.
    """
    words = re.findall(r"[^\W\d_]+(?:'[a-z]+)?", text.lower())
    if len(words) <= 3:
        return True
    own = sum(word in english.FUNCTION_WORDS for word in words)
    foreign = sum(word in OTHER_FUNCTION_WORDS for word in words)
    if own == foreign == 0 and len(words) <= 6 and text.isascii():
        return True
    return own >= foreign and own / len(words) >= MIN_ENGLISH


def statement_part(sentence: str) -> str:
    """Return the stating part of a sentence; "" for questions, requests, conditions."""
    if not sentence or len(sentence) > MAX_SENTENCE_CHARS:
        return ""
    text = _strip_fillers(_LAST_TALK.sub(" ", _strip_fillers(sentence)).strip())
    text = _TAG.sub("", _ASIDE.sub(", ", text))
    role = _ROLE.match(text)
    if role is not None and not _NOT_ROLE.match(role[1]):
        rest = statement_part(text[role.end() :])
        return f"I am {role[1]}, and {rest}" if rest else f"I am {role[1]}"
    if named := _CALL_ME.match(text):
        return f"my name is {named[1]}"
    request = _REQUEST.search(text)
    if request is not None:
        text = text[: request.start()]
    elif text.endswith("?"):
        return ""
    text = _strip_reason(_strip_fillers(text)) if text else ""
    if re.match(r"(?:if|unless|imagine|suppose|whether|once|let's)\b", text, re.IGNORECASE):
        return ""
    return text.strip(" ,.!?:;-–—…*")


def _strip_reason(text: str) -> str:
    match = _REASON_FRAME.match(text)
    return text[match.end() :] if match is not None else text


def _strip_fillers(text: str) -> str:
    for _ in range(8):
        match = _FILLER.match(text) or _FRAME.match(text)
        if match is None or (_NOT_FILLER.match(text) and not re.match(r"[\w ]+[,.!:…-]", match[0])):
            break
        text = text[match.end() :].lstrip()
    return text
