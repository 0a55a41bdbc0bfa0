"""Rules that read employers, jobs and occupations."""

import re

from hitherto.core.statements.attribute_types import Reading
from hitherto.core.statements.phrases import (
    add_cue,
    make_reading,
    mark_ended,
    noun_phrase,
    text_before,
)
from hitherto.core.statements.predicate import Predicate, Tense
from hitherto.core.text.english_words import word_set
from hitherto.core.text.terms import (
    name_runs,
    stem,
    terms_of,
    without_vague_time,
    words_of,
)

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
        return (
            [] if clause.tense is Tense.PAST and first == "worked" else work_readings(body, clause)
        )
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


def work_readings(body: str, clause: Predicate) -> list[Reading]:
    """Read "works at X as Y", whatever the verb."""
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


_IS_A = re.compile(
    r"^(?:is|became|becoming|become|got promoted to|promoted to|was promoted to|is promoted to"
    r"|retrained as|qualified as|switched careers to(?: become)?) (?:an? |the )?(?P<job>.+)$"
)


def lost_job_readings(body: str, clause: Predicate) -> list[Reading]:
    """Read "was laid off", in any form of the verb."""
    return read_employment(body, clause) if _LEFT_JOB.match(_phrase_of_job(body)) else []


_EMPLOYER = re.compile(r"\b(?:at|for) (?P<employer>.+)$", re.DOTALL)
_JOB_END = re.compile(r",|\b(?:at|for|in|of|who|with|on|since|and|from)\b")


def occupation_readings(body: str, clause: Predicate) -> list[Reading]:
    """Read "is a nurse" and "became a nurse at X", for known occupations."""
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
