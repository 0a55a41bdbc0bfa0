"""Rules that read where someone lives and works, and who they are.

A rule takes a body (a verb phrase, see `predicate`) and its clause, and gives the readings it is
sure of, or none.
"""

import re
from dataclasses import replace

from hitherto.core.statements.attribute_types import Reading
from hitherto.core.statements.predicate import Polarity, Predicate, Tense
from hitherto.core.text.english import MONTH_NAMES, SHORT_MONTHS, UNITS, word_set
from hitherto.core.text.terms import (
    name_runs,
    stem,
    terms_of,
    without_vague_time,
    words_of,
)

_MONTH_NUMBER = {month: number for number, month in enumerate(SHORT_MONTHS, start=1)}
_PHRASE_END = re.compile(
    r"[,;:(]|\b(?:on|since|for|because|after|before|when|while|where|with|who|which|that|so"
    r"|but|until|during|by|near|named|called|as of|due|including|together|alone|as well|in (?:"
    + "|".join(MONTH_NAMES)
    + r"|the (?:spring|summer|autumn|fall|winter|past)|early|late|\d{4})"
    r"|and (?:is|has|was|now|the|his|her|their|\w+s (?:a|an|as|at|in|to|for))"
    r"|at (?:the )?(?:age|\d))\b",
    re.IGNORECASE,
)
LIST = re.compile(r"(?:,|/|\band\b|\bor\b)\s*(?:to )?", re.IGNORECASE)
NUMBERS = {word: str(number) for number, word in enumerate(UNITS[:11])}


def noun_phrase(text: str) -> str:
    """Return a noun phrase without what follows it: "a nurse" of "a nurse since 2019"."""
    return text_before(_PHRASE_END, without_vague_time(text)).strip(" .!")


def text_before(end: re.Pattern[str], text: str) -> str:
    """Return the text in front of the first match, without white space behind it."""
    match = end.search(text)
    return text if match is None else text[: match.start()].rstrip()


def make_reading(clause: Predicate, attribute: str, values: tuple[str, ...]) -> Reading:
    """Make a reading with the subject, tense, polarity and cue of its clause."""
    return Reading(clause.subject, attribute, values, clause.polarity, clause.tense, clause.cue)


def add_cue(clause: Predicate, cue: str) -> Predicate:
    """Return the clause with a cue, unless it is a plan or already has one."""
    if clause.tense is Tense.FUTURE or clause.cue:
        return clause
    return replace(clause, cue=cue)


def mark_ended(clause: Predicate, cue: str) -> Predicate:
    """Return the clause as an end, or as a denial if it is negated or planned."""
    if clause.polarity is not Polarity.ASSERTS or clause.tense is Tense.FUTURE:
        return replace(clause, polarity=Polarity.DENIES)
    return replace(clause, polarity=Polarity.ENDED, cue=cue)


# Where the last part takes whatever is left, a reading that has begun cannot fail at the end and
# try all others: `DOTALL`.
_FROM_TO = re.compile(
    r"^(?P<verb>\w+)\b(?: out)?(?: here| there)?(?: from (?P<from>.+?))?(?: back)?"
    r"(?: (?:in)?to (?P<to>.+?))?(?: from (?P<after>.+?))?$",
    re.DOTALL,
)
_LIVES = re.compile(
    r"^\w+(?: alone| happily)?(?: in| at| near| outside)(?: downtown)? (?P<place>.+)$"
)
_HOMES = word_set(
    """apartment flat house studio condo bungalow cottage loft townhouse dorm place home"""
)


_PLACE_END = re.compile(
    r"(?<=\s)(?:on|since|for|because|after|before|when|while|with|and|but|until|last|this|in (?:"
    + "|".join(MONTH_NAMES)
    + r"|early|late|\d{4}|the (?:spring|summer|autumn|fall|winter)))\b",
    re.IGNORECASE,
)


def read_residence(body: str, clause: Predicate) -> list[Reading]:
    """Read where somebody lives, moves to, or has left."""
    first = stem(body.split()[0].lower())
    if first in {"live", "resid"}:
        match = _LIVES.match(body)
        if match is None:
            return []
        if clause.tense is Tense.PAST and body.split()[0].lower() == "lived":
            return []
        return _homes(match["place"], clause, ())
    if clause.polarity is not Polarity.ASSERTS or body.split()[0].lower() == "located":
        return []
    match = _FROM_TO.match(text_before(_PLACE_END, without_vague_time(body)).strip())
    if match is None or re.search(r"\b(?:in with|on from|on to|forward)\b", body):
        return []
    left = name_runs(match["from"] or match["after"] or "")
    return _homes(match["to"] or "", add_cue(clause, "moved"), left)


def _homes(home: str, clause: Predicate, left: tuple[str, ...]) -> list[Reading]:
    """Read a home: the town or country if one is named, else its kind."""
    home = text_before(_PLACE_END, without_vague_time(home)).strip()
    runs = name_runs(home)
    if runs:
        return [replace(make_reading(clause, "residence", runs), replaced=left)]
    kinds = tuple(term for term in terms_of(home) if term in set(map(stem, _HOMES)))
    return [make_reading(clause, "dwelling", terms_of(home))] if kinds else []


_WORKS = re.compile(
    r"^\w+(?P<time> full[- ]time| part[- ]time| remotely)?"
    r"(?: (?:at|for|with) (?P<employer>.+?))?(?: as (?:an? |the )?(?P<job>.+?))?"
    r"(?: (?:at|for) (?P<later>.+?))?$",
    re.DOTALL,
)
_NEW_JOB = re.compile(
    r"^(?:\w+ (?:(?:an?|her|his|their|the) )?(?:new |first )?(?:job|position|role|work|internship)"
    r"(?: offer)?(?: as (?:an? )?(?P<job>.+?))?(?: (?:at|with|for) (?P<employer>.+?))?"
    r"(?: as (?:an? )?(?P<job2>.+?))?"
    r"|joined (?P<joined>.+?) as (?:an? |the |their )?(?P<job3>.+)"
    r"|started (?:at|with) (?P<started>.+?)(?: as (?:an? )?(?P<job4>.+))?)$",
    re.DOTALL,
)
_LEFT_JOB = re.compile(
    r"^(?:(?:quit|left|lost|gave up|resigned from|was (?:laid off|fired|let go)"
    r"|got (?:laid off|fired)|is (?:laid off|fired)) ?"
    r"(?:(?:his|her|their|the|a) )?(?P<job>(?:\w+ )?(?:job|position|role)\b)?"
    r"(?: ?(?:at|with|from|by) )?(?P<employer>.*?)|resigned|retired(?: from (?P<retired>.+))?)$"
)
_OCCUPATIONS = word_set(
    """nurse teacher engineer developer programmer doctor lawyer accountant designer architect chef
    cook baker manager consultant analyst scientist researcher professor lecturer student
    writer journalist editor photographer artist musician electrician plumber carpenter
    mechanic pilot dentist pharmacist therapist psychologist psychiatrist surgeon paramedic
    firefighter soldier librarian translator interpreter barista waiter waitress bartender
    salesperson realtor banker economist biologist chemist physicist mathematician
    statistician administrator assistant secretary receptionist technician veterinarian vet
    farmer gardener florist hairdresser driver courier director producer actor actress
    cashier janitor caretaker tutor freelancer entrepreneur copywriter recruiter marketer
    strategist planner physiotherapist midwife optician intern apprentice postdoc paralegal
    judge auditor operator supervisor foreman principal officer detective curator"""
)


def read_employment(body: str, clause: Predicate) -> list[Reading]:
    """Read an employer and a job that somebody has, begins, or has left."""
    first = body.split()[0].lower()
    if stem(first) in {"work", "employ"}:
        return [] if clause.tense is Tense.PAST and first == "worked" else _works(body, clause)
    phrase_of_job = _phrase_of_job(body)
    if match := _LEFT_JOB.match(phrase_of_job):
        return _left_job(match, first, clause)
    if match := _NEW_JOB.match(phrase_of_job):
        employer = match["employer"] or match["joined"] or match["started"] or ""
        job = match["job"] or match["job2"] or match["job3"] or match["job4"] or ""
        return _job_readings(add_cue(clause, first), employer, job)
    return []


def _left_job(match: re.Match[str], first: str, clause: Predicate) -> list[Reading]:
    employer = match["employer"] or match["retired"] or ""
    named = name_runs(employer)
    if first == "retired":
        over = mark_ended(clause, first)
        return [make_reading(over, "employer", named), make_reading(over, "job", ())]
    if not named and employer.strip():
        return []
    # "left Lisbon", "quit Facebook": only a job of that name makes it an employer.
    if first in {"quit", "left", "lost", "gave"} and not (match["job"] or named):
        return []
    return [
        make_reading(mark_ended(clause, "left" if first == "was" else first), "employer", named)
    ]


_JOB_PHRASE_END = re.compile(
    r"[,;(]|\b(?:on|since|because|after|before|when|while|where|who|which|that|so|but|until|during"
    r"|last|in|to|due|and)\b",
    re.IGNORECASE,
)


def _phrase_of_job(body: str) -> str:
    return text_before(_JOB_PHRASE_END, without_vague_time(body)).strip()


_DOES_FOR = re.compile(
    r"^(?:does|do|doing) (?P<job>[a-z][a-z -]+?) (?:for|at) (?P<employer>[A-Z].*)$"
)


def read_task(body: str, clause: Predicate) -> list[Reading]:
    """Read "does customer support for Siemens" as a job with its employer."""
    match = _DOES_FOR.match(_phrase_of_job(body))
    return _job_readings(clause, match["employer"], match["job"]) if match else []


def _works(body: str, clause: Predicate) -> list[Reading]:
    match = _WORKS.match(_phrase_of_job(body))
    if match is None:
        return []
    return _job_readings(clause, match["employer"] or match["later"] or "", match["job"] or "")


def _job_readings(clause: Predicate, employer: str, job: str) -> list[Reading]:
    readings = []
    if runs := name_runs(employer):
        readings.append(make_reading(clause, "employer", runs))
    if job:
        readings.append(make_reading(clause, "job", terms_of(noun_phrase(job))))
    return readings


_DIETS = word_set("vegetarian vegan pescatarian omnivore flexitarian carnivore")
_OTHER_DIETS = word_set(
    """keto paleo gluten-free dairy-free low-carb halal kosher plant-based lactose-free
    sugar-free"""
)
_STATUSES = {
    "married": "married", "engaged": "engaged", "divorced": "divorced", "single": "single",
    "dating": "dating", "separated": "separated", "widowed": "widowed", "widow": "widowed",
    "widower": "widowed", "seeing": "dating",
}  # fmt: skip
_STATUS = re.compile(
    r"^(?:(?:is|are|got|was|became|get|gets|be) )?(?:recently |happily |newly )?(?P<status>"
    + "|".join(_STATUSES)
    + r")(?: (?:to|with|from) (?P<to>.+))?(?P<whom> [A-Z].*)?$",
    re.DOTALL,
)
_AGE = re.compile(
    r"^(?:is|turned|turns) (?:about )?(?P<age>\d{1,3})(?: years?[- ]old| years? of age)?$"
)
_ALLERGIC = re.compile(
    r"^is (?:(?P<how>severely|very|mildly|slightly|highly) )?allergic to (?P<what>.+)$"
    r"|^(?:has|have|had|developed|outgrew|lost) (?:an? |his |her |their )?(?:severe |mild |bad )?"
    r"(?:(?P<pre>.+?) allerg(?:y|ies)|allerg(?:y|ies) to (?P<post>.+))$"
)
_DIET = re.compile(
    r"^(?:is|became|went|goes|going|turned|being|becoming|go|follows|followed|follow|has|eats"
    r"|eating|tries|on)(?: on)? (?:an? )?(?:strict(?:ly)? |mostly )?(?P<diet>[\w-]+)(?: diet)?$"
)
_IS_A = re.compile(
    r"^(?:is|became|becoming|become|got promoted to|promoted to|was promoted to|is promoted to"
    r"|retrained as|qualified as|switched careers to(?: become)?) (?:an? |the )?(?P<job>.+)$"
)
_NAMED = re.compile(r"^is (?:named|called) (?P<name>.+)$")
_FROM_HOME = re.compile(r"^is based (?:in|out of) (?P<place>.+)$")
_BORN = re.compile(r"^(?:was |is )?born(?: and raised)?\b(?P<rest>.*)$")


def read_state(body: str, clause: Predicate) -> list[Reading]:
    """Read what somebody is, got or became."""
    plain = without_vague_time(body).strip()
    if match := _ALLERGIC.match(plain):
        return _allergies(match, body, clause)
    if match := _AGE.match(noun_phrase(plain)):
        turned = body.startswith("turn")
        return [
            make_reading(add_cue(clause, "turned") if turned else clause, "age", (match["age"],))
        ]
    if match := _STATUS.match(text_before(_STATUS_END, plain)):
        return _relationship(match, plain, clause)
    if match := _BORN.match(body):
        return _birth(match["rest"], clause)
    if match := _NAMED.match(plain):
        runs = name_runs(noun_phrase(match["name"]))
        return [make_reading(clause, "name", runs)] if runs else []
    if match := _FROM_HOME.match(plain):
        return _homes(match["place"], clause, ())
    if re.match(r"^is employed\b", plain):
        return _works(plain.split(" ", 1)[1], clause)
    return _diet(plain, clause) or _occupation(plain, clause) or _lost_job(body, clause)


def _lost_job(body: str, clause: Predicate) -> list[Reading]:
    return read_employment(body, clause) if _LEFT_JOB.match(_phrase_of_job(body)) else []


_STATUS_END = re.compile(r",|\b(?:on|since|in|for|at|because|after|but|and|when)\b")


def _allergies(match: re.Match[str], body: str, clause: Predicate) -> list[Reading]:
    what = noun_phrase(match["what"] or match["pre"] or match["post"])
    if body.startswith("developed"):
        clause = add_cue(clause, "developed")
    if body.startswith(("outgrew", "lost")):
        clause = mark_ended(clause, "outgrew")
    items = [terms_of(item) for item in LIST.split(what)]
    return [make_reading(clause, "allergy:" + " ".join(item), item) for item in items if item]


def _relationship(match: re.Match[str], body: str, clause: Predicate) -> list[Reading]:
    status = _STATUSES[match["status"].lower()]
    whom = name_runs(match["to"] or match["whom"] or "")
    if body.startswith(("got ", "became ", "gets ", "get ")):
        clause = replace(add_cue(clause, "got"), polarity=clause.polarity)
    return [make_reading(clause, "relationship status", (status, *whom[:1]))]


def _birth(rest: str, clause: Predicate) -> list[Reading]:
    readings = []
    parts = date_parts(rest)
    if parts:
        readings.append(make_reading(clause, "birthday", parts))
    match = _BIRTHPLACE.search(rest)
    runs = name_runs(text_before(_PLACE_END, match["place"])) if match else ()
    if runs:
        readings.append(make_reading(clause, "birthplace", runs))
    return readings


_BIRTHPLACE = re.compile(rf"\bin (?P<place>(?!{'|'.join(MONTH_NAMES)})[A-Z].*)", re.IGNORECASE)
_DAY_MONTH = re.compile(
    r"\b(?:(?P<day>\d{1,2})(?:st|nd|rd|th)?(?: of)? (?P<month>[A-Za-z]{3,9})"
    r"|(?P<month2>[A-Za-z]{3,9}) (?P<day2>\d{1,2})(?:st|nd|rd|th)?\b)"
)
_ISO_DATE = re.compile(r"\b(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})\b")
_YEAR = re.compile(r"\b(?:19|20)\d{2}\b")


def date_parts(text: str) -> tuple[str, ...]:
    """Return the parts of a date that a text states: "y1990", "m5", "d3"."""
    if iso := _ISO_DATE.search(text):
        return (f"y{iso['y']}", f"m{int(iso['m'])}", f"d{int(iso['d'])}")
    parts = []
    if year := _YEAR.search(text):
        parts.append(f"y{year[0]}")
    for match in _DAY_MONTH.finditer(text):
        month = _MONTH_NUMBER.get((match["month"] or match["month2"])[:3].lower())
        if month:
            return (*parts, f"m{month}", f"d{int(match['day'] or match['day2'])}")
    for word in words_of(text):
        if word.lower() in MONTH_NAMES:
            return (*parts, f"m{MONTH_NAMES.index(word.lower()) + 1}")
    return tuple(parts)


def _diet(body: str, clause: Predicate) -> list[Reading]:
    match = _DIET.match(noun_phrase(body))
    if match is None:
        return []
    diet = match["diet"].lower()
    if body.startswith(("became", "went", "turned", "becom")):
        clause = add_cue(clause, "became")
    if body.startswith("went") and clause.tense is Tense.PAST:
        clause = replace(clause, tense=Tense.PRESENT)
    if diet in _DIETS:
        return [make_reading(clause, "diet", (diet,))]
    return [make_reading(clause, "diet:" + diet, (diet,))] if diet in _OTHER_DIETS else []


_EMPLOYER = re.compile(r"\b(?:at|for) (?P<employer>.+)$", re.DOTALL)
_JOB_END = re.compile(r",|\b(?:at|for|in|of|who|with|on|since|and|from)\b")


def _occupation(body: str, clause: Predicate) -> list[Reading]:
    match = _IS_A.match(body)
    if match is None:
        return []
    employer = _EMPLOYER.search(match["job"])
    job = text_before(_JOB_END, match["job"])
    words = words_of(job)
    if not words or words[-1].lower() not in _OCCUPATIONS or len(words) > 4:
        return []
    if not body.startswith("is ") or body.startswith("is promoted"):
        clause = add_cue(clause, "became")
    return _job_readings(clause, noun_phrase(employer["employer"]) if employer else "", job)[::-1]
