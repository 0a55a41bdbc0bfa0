"""Language of a text, by its letters and its most common words."""

import re
from collections.abc import Mapping
from typing import Final

from hitherto.core.text import english_words as english
from hitherto.core.text.date_names import MONTHS, WEEKDAYS
from hitherto.core.text.english_words import word_set

ENGLISH: Final = "en"
FUNCTION_WORDS: Final[Mapping[str, frozenset[str]]] = {
    ENGLISH: english.FUNCTION_WORDS,
    "de": word_set("""
        der die das und ist ich nicht ein eine einen einem einer mit auf für von zu mein meine
        meinen meiner wir sie auch im den dem des habe haben bin es er am an aus bei beim bis
        dass hat hatte ihr mir mich noch nur schon sind uns unser unsere vom war werde wird zum
        zur aber als wie wo wenn seit ab nach über um oder sehr kein keine dann letzten letzte
        nächsten nächste kommt gehe mag sich
    """),
    "es": word_set("""
        el la los las un una de del que y en es por para con mi mis su se yo muy pero como más
        está estoy soy tengo me al ha he fue desde hace lo no nos hasta mucho también porque este
        esta tiene voy va vivo cuando sin ya llega a día
    """),
    "fr": word_set("""
        le les la des du et je il elle on nous vous dans pour avec sur mon ma mes est suis pas ne
        qui une un ai au aux ce cette depuis sa son ses que de en mais plus très chez j l d c n
        qu jusqu était avons sont fait ai habite moi a
    """),
    "pt": word_set("""
        o os as um uma do da dos das no na nos nas não com meu minha meus eu são e em para por
        que de se ao mais muito mas é estou tenho foi desde até está sou há vou fiz ele ela a dia
    """),
    "it": word_set("""
        il lo la gli le di che è sono non ho mio mia i per della del dei delle al alla da dal
        dalla nel nella un una con si mi ha ci più anche ma sul tra fra e in l dell all abito
        faccio a
    """),
    "nl": word_set("""
        het een ik niet mijn en de van is dat op te met voor zijn heb heeft ben aan er maar om
        ook bij naar uit nog wel we wij ons onze sinds was geen tot dit die deze hij ze zij wordt
        word gaan ga zou had
    """),
}
"""Most common words of languages in Latin letters."""

OTHER_FUNCTION_WORDS: Final = frozenset().union(*FUNCTION_WORDS.values()) - english.FUNCTION_WORDS
"""Words by which a text is recognised as not English."""

_TIME_WORDS: Final = {
    ENGLISH: "week month year ago last next yesterday today tomorrow",
    "de": "woche monat jahr tage letztes nächstes vor gestern heute morgen",
    "es": "semana mes año días pasado pasada próximo ayer hoy mañana",
    "fr": "me semaine mois année jours dernier prochain hier demain",
    "pt": "me semana mês ano dias passado passada próximo ontem hoje amanhã",
    "it": "me settimana mese anno giorni scorso scorsa prossimo ieri oggi domani",
    "nl": "week maand jaar dagen vorige volgende geleden gisteren vandaag morgen",
}
_DATE_WORDS: Final = {
    code: frozenset(name for names in (*MONTHS[code], *WEEKDAYS[code]) for name in names[:1])
    for code in FUNCTION_WORDS
    if code != ENGLISH
} | {ENGLISH: frozenset((*english.MONTH_NAMES, *english.DAY_NAMES))}
_KNOWN_WORDS: Final = {
    code: words | _DATE_WORDS[code] | word_set(_TIME_WORDS[code])
    for code, words in FUNCTION_WORDS.items()
}

MIN_ENGLISH: Final = 0.15
"""Least share of English function words among the words of an English text."""
_MAX_CHARS: Final = 2_000
"""Characters that are read: the language of a message shows early."""
_KANA: Final = re.compile(r"[\u3040-\u30ff]")
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_DEVANAGARI: Final = re.compile(r"[\u0900-\u097f]+")
_LATIN: Final = re.compile(r"[^\W\d_]+")
_WITH_ENDING: Final = re.compile(r"[^\W\d_]+(?:'[a-z]+)?")


def is_english(text: str) -> bool:
    """Return whether the function words of a text are English.

    A text without function words is not English, but texts of up to three words, or six without
    words of either kind, pass.
    """
    words = _WITH_ENDING.findall(text.lower())
    if len(words) <= 3:
        return True
    own = sum(word in english.FUNCTION_WORDS for word in words)
    foreign = sum(word in OTHER_FUNCTION_WORDS for word in words)
    if own == foreign == 0 and len(words) <= 6 and text.isascii():
        return True
    return own >= foreign and own / len(words) >= MIN_ENGLISH


def languages_of(text: str, around: str = "") -> tuple[str, ...]:
    """Return the languages that a text can be in, the first as good as the others.

    around: text of the same author, read if the text itself leaves several or none open. Of a text
    without any of their words, all languages in Latin letters, English first.
    """
    script = _script(text)
    if script:
        return (script,)
    best = _best(text[:_MAX_CHARS])
    if len(best) == 1 or not around:
        return best
    wider = _best(around[:_MAX_CHARS]) if not _script(around) else ()
    narrowed = tuple(code for code in best if code in wider)
    return narrowed or best


def _script(text: str) -> str:
    """Return the language of a text that is mainly in other letters than Latin, or ""."""
    part = text[:_MAX_CHARS]
    kana, han = len(_KANA.findall(part)), len(_HAN.findall(part))
    latin = len(_LATIN.findall(_HAN.sub(" ", _KANA.sub(" ", _DEVANAGARI.sub(" ", part)))))
    if len(_DEVANAGARI.findall(part)) > latin:
        return "hi"
    if kana + han <= 2 * latin:
        return ""
    return "ja" if kana else "zh"


def _best(text: str) -> tuple[str, ...]:
    """Return the languages that have the most words of a text."""
    scores = dict.fromkeys(FUNCTION_WORDS, 0)
    for word in _LATIN.findall(text.lower()):
        for code, words in _KNOWN_WORDS.items():
            scores[code] += word in words
    most = max(scores.values())
    return tuple(code for code, score in scores.items() if score == most)
