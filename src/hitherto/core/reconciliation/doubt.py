"""Find the memories that a change makes doubtful, because they depended on it.

Somebody who moves may keep the gym, the doctor and the way to work, or may not. Such memories are
neither false nor certain, so they are marked, with the change as the reason. Precision comes first:
a memory is marked only if a rule says what it depended on. Either it names the place, the employer,
the partner, the pet or the object that changed, or it is of a kind that depends on it. Past events
stay true, and preferences do not depend on a home.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from hitherto.core.reconciliation.reconcile import Ignore, Plan, Supersede
from hitherto.core.statements.comparison import Fit, compare_values
from hitherto.core.statements.reader import Polarity, Reading, Statement, Tense, read, read_clause
from hitherto.core.text.english_words import PARTNERS, RELATIVES, word_set
from hitherto.core.text.terms import terms_of
from hitherto.models import Clause, ExpirationReason, MemoryVersion

Cause = str | int
"""Cause of a change: a memory id, or the index of a decision of the plan."""


MOST_CHANGES = 100
"""Changes of one plan that rules examine, the first ones. For each, up to 4,000 memories
(`WEIGHED_MEMORIES`) are examined, 4 microseconds each."""


@dataclass(frozen=True, slots=True)
class Change:
    """Memory that is no longer true, and the statement that says so.

    content: of the memory that replaced it, or its own if none did. since: when that was said.
    cause: the memory that caused the doubt.
    """

    old: MemoryVersion
    content: str
    cause: Cause
    since: datetime
    clause: Clause | None = None

    @property
    def statement(self) -> Statement:
        """Statement of the content."""
        return read(self.content) if self.clause is None else read_clause(self.clause)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Memory that may no longer be true. reason: one line for people and models to read."""

    memory_id: str
    cause: Cause
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Consequences:
    """Changes of a plan, and the doubts that the rules derive from them.

    last_said: when the evidence of a memory was last said, if that is later than the memory.
    certain: memories that the session itself affirms or supersedes.
    """

    changes: tuple[Change, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    last_said: Mapping[str, datetime] = field(default_factory=dict)
    certain: frozenset[str] = frozenset()

    def may_doubt(self, memory: MemoryVersion, change: Change) -> bool:
        """Return whether a change can make a memory doubtful at all.

        It cannot for past events, and for statements that were made with or after the change.
        """
        return _is_open(memory, change, self.last_said, self.certain) and not _has_happened(memory)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Doubts after a review. note: why there was no review; None if there was one."""

    doubts: tuple[Doubt, ...]
    note: str | None = None


_PARTNERS = "|".join(sorted(PARTNERS & RELATIVES))
_HOUSEHOLD = re.compile(
    rf"user's (?:{_PARTNERS}|child|children|kids?|baby|son|daughter|twins|dog|puppy|cat|pet"
    r"|doctor|dentist|therapist|coach|teacher)\b"
)
_LASTING = frozenset(
    {"birthplace", "birthday", "name", "age", "residence", "relationship status", "blood type"}
)
_LASTING_FAMILIES = frozenset({"favourite", "relative", "possession", "allergy", "pet", "count"})
_FEELING = frozenset(
    terms_of(
        "like love hate enjoy adore miss prefer know visit travel fly return meet speak support"
        " follow remember dream think believe read watch grow recommend dislike call write"
    )
)
"""Verbs whose statements do not depend on a home or a job."""

_HAVING = frozenset({*terms_of("own buy use drive"), "has"})

_HOME_WORDS = re.compile(
    r"\b(?:commut\w*|gym|landlord|landlady|neighbou?rs?|flatmates?|roommates?|housemates?|rents?"
    r"|lease|nearby|around the corner|down the (?:road|street)|local \w+|next door|near home"
    r"|(?:closest|nearest) \w+|mortgage|balcony|allotment)\b"
    r"|\b(?:tram|bus|metro|subway|train|bike|bicycle|car|foot|walks?|cycles?|drives?)\b.{0,30}"
    r"\bto (?:work|the office|school|university)\b",
    re.IGNORECASE,
)
_WORK_WORDS = re.compile(
    r"\b(?:commut\w*|salary|shifts?|co-?workers?|colleagues?|boss|line manager|supervisor"
    r"|company car|desk|on[- ]call|works? (?:remotely|from home)|(?:his|her|their|user's) (?:office"
    r"|team|department|manager)|at work|office hours|notice period)\b"
    r"|\b(?:tram|bus|metro|subway|train|bike|bicycle|car|foot|walks?|cycles?|drives?)\b.{0,30}"
    r"\bto (?:work|the office)\b",
    re.IGNORECASE,
)
_EMPLOYED = re.compile(r"\bwork(?:s|ed|ing)? (?:part[- ]time |full[- ]time )?(?:at|for|in)\b", re.I)
_LENT = re.compile(r"\b(?:company|work) (?:car|phone|laptop)\b", re.IGNORECASE)
_SUPERIORS = re.compile(r"user's (?:\w+ )?(?:boss|colleague|manager|supervisor)\b")
_JOB_WORDS = re.compile(r"\b(?:salary|shifts?|on[- ]call|office hours|overtime)\b", re.IGNORECASE)
_STAYS_HOME = re.compile(
    r"\b(?:flat|house|apartment|home|garden|kitchen|room|lease|gym|school|landlord|balcony)\b", re.I
)
_APART = re.compile(
    r"\b(?:divorced?|separated|single|widow(?:ed|er)?|broke up|split up|left|no longer|ex-|died"
    r"|passed away|broken up)\b",
    re.IGNORECASE,
)
_PARTNER_WORD = re.compile(rf"\b(?:{_PARTNERS}|in-laws|mother-in-law|father-in-law)\b", re.I)
_PERFECT = re.compile(r"\b(?:has|have)\b", re.IGNORECASE)
_MEATS = frozenset(
    terms_of("meat beef steak chicken pork lamb bacon ham sausage fish salmon tuna turkey burger")
)
_DAIRY = frozenset(terms_of("cheese milk egg butter yoghurt yogurt cream honey")) | _MEATS
_FOODLESS = {"vegetarian": _MEATS, "vegan": _DAIRY, "pescatarian": _MEATS - {"fish", "salmon"}}
_EATING = frozenset(terms_of("eat cook order have drink breakfast lunch dinner"))


@dataclass(frozen=True, slots=True)
class _Other:
    """Memory that may depend on a change."""

    statement: Statement
    content: str

    @property
    def reading(self) -> Reading:
        return self.statement.reading

    @property
    def terms(self) -> frozenset[str]:
        return self.statement.term_set


def of_plan(
    plan: Plan,
    said_at: Sequence[datetime],
    versions: Mapping[str, MemoryVersion],
    last_said: Callable[[], Mapping[str, datetime]],
    retired: Sequence[tuple[str, datetime]] = (),
    among: Callable[[Sequence[str]], Sequence[MemoryVersion]] | None = None,
) -> Consequences:
    """Return the changes of a plan and the doubts that follow from them.

    said_at: for each decision. versions: all memories. last_said: called only if there is a change;
    returns when the evidence of memories was last said. retired: memories that are not true and
    have no successor, with the day on which that was said. among: returns the current memories to
    examine, by the ids of the changed ones; without it, all are examined.
    """
    changes: list[Change] = []
    affirmed: set[str] = set()
    for index, (decision, since) in enumerate(zip(plan.decisions, said_at, strict=True)):
        if isinstance(decision, Ignore) and isinstance(decision.because, str):
            affirmed.add(decision.because)
        if not isinstance(decision, Supersede):
            continue
        replaced = [ref for ref in decision.replaces if isinstance(ref, str)]
        affirmed.update(replaced)
        if decision.reason is not ExpirationReason.ADDITION_TO_EXISTING_MEMORY:
            new = decision.candidate
            changes += [
                Change(versions[ref], new.content, index, since, new.clause) for ref in replaced
            ]
    for memory_id, since in retired:
        affirmed.add(memory_id)
        changes.append(Change(versions[memory_id], versions[memory_id].content, memory_id, since))
    if not changes:
        return Consequences()
    current = (
        [version for version in versions.values() if version.expired_at is None]
        if among is None
        else among([change.old.memory_id for change in changes])
    )
    last_dates, certain = last_said(), frozenset(affirmed)
    doubtful = doubts(changes, current, last_dates, certain)
    return Consequences(tuple(changes), tuple(doubtful), last_dates, certain)


_Rule = Callable[[_Other, Reading, Statement], bool]


def doubts(
    changes: Sequence[Change],
    current: Sequence[MemoryVersion],
    last_said: Mapping[str, datetime],
    certain: frozenset[str],
) -> list[Doubt]:
    """Return the current memories that changes make doubtful, each once, by its first change.

    last_said: when the evidence of a memory was last said, if that is later than the memory.
    certain: memories that the session itself affirms or supersedes.
    A memory that was stated, or restated, after a change is not doubtful.
    """
    doubts_by_id: dict[str, Doubt] = {}
    ruled = ((change, rules) for change in changes if (rules := list(_rules(change))))
    for change, rules in islice(ruled, MOST_CHANGES):
        new = change.statement
        for memory in current:
            if memory.memory_id in doubts_by_id or not _is_open(memory, change, last_said, certain):
                continue
            other = _Other(read(memory.content), memory.content)
            topic = next((t for t, rule, old in rules if rule(other, old, new)), None)
            if topic is not None:
                reason = f"{topic} changed: “{change.content}”"
                doubts_by_id[memory.memory_id] = Doubt(
                    memory.memory_id, change.cause, reason, change.since
                )
    return list(doubts_by_id.values())


def _is_open(
    memory: MemoryVersion,
    change: Change,
    last_said: Mapping[str, datetime],
    certain: frozenset[str],
) -> bool:
    """Return whether a memory was not restated since the change and is not in doubt yet."""
    last_stated = max(memory.created_at, last_said.get(memory.memory_id, memory.created_at))
    return not (
        memory.memory_id in certain
        or memory.memory_id in (change.old.memory_id, change.cause)
        or memory.doubted_by is not None
        or memory.expired_at is not None
        or last_stated >= change.since
    )


def _has_happened(memory: MemoryVersion) -> bool:
    """Return whether a memory is a past event; "has booked a room" is a present state."""
    if read(memory.content).reading.tense is not Tense.PAST:
        return False
    return _PERFECT.search(memory.content) is None


def _rules(change: Change) -> Iterator[tuple[str, _Rule, Reading]]:
    """Yield name, rule of dependents and old reading of each changed attribute."""
    old, new = read(change.old.content), change.statement
    for reading in old.readings:
        if reading.polarity is not Polarity.ASSERTS or not _is_changed(reading, new, change):
            continue
        family = reading.attribute.partition(":")[0]
        if reading.attribute == "residence" and reading.subject == "user":
            yield "where the user lives", _goes_with_home, reading
        elif _is_employment(reading, change.old.content):
            yield "who the user works for", _goes_with_employer, reading
        elif reading.attribute == "job" and reading.subject == "user":
            yield "what the user works as", _goes_with_job, reading
        elif _is_partnership(reading):
            if _is_parting(reading, new, change):
                yield "the user's relationship", _goes_with_partner, reading
        elif family == "pet":
            yield "the user's pet", _goes_with_pet, reading
        elif family == "possession":
            yield "what the user owns", _goes_with_thing, reading
        elif reading.attribute == "diet":
            yield "the user's diet", _goes_with_diet, reading
        elif _is_given_up(reading, new):
            yield "what the user does", _goes_with_activity, reading


def _is_changed(reading: Reading, new: Statement, change: Change) -> bool:
    """Return whether the new statement ends this reading; without a successor, all ended."""
    if change.content == change.old.content:
        return True
    same = [
        r for r in new.readings if r.subject == reading.subject and r.attribute == reading.attribute
    ]
    if not same:
        return not any(r.attribute in {"residence", "employer", "job"} for r in new.readings)
    return any(
        r.polarity is not Polarity.ASSERTS or compare_values(r, reading) in {Fit.OTHER, Fit.UNSURE}
        for r in same
    )


def _lasts(other: _Other) -> bool:
    """Return whether it is independent of changes: the past, feelings, relatives, property."""
    reading = other.reading
    family = reading.attribute.partition(":")[0]
    return (
        reading.tense is Tense.PAST
        or reading.polarity is not Polarity.ASSERTS
        or reading.attribute in _LASTING
        or family in _LASTING_FAMILIES
        or reading.attribute in _FEELING
    )


def _names(reading: Reading) -> frozenset[str]:
    """Return the words that name a value, including the long words of a phrase."""
    words = {word for value in reading.values for word in value.split() if len(word) > 2}
    return frozenset(words | set(reading.values)) - _TOO_COMMON


_TOO_COMMON = word_set("the saint new san los university hospital school company bank")


def _has_new_name(other: _Other, old: Reading, new: Statement) -> bool:
    """Return whether it names the new value, so that its speaker knew of the change."""
    return bool(other.statement.names & (new.names - _names(old)))


def _goes_with_home(other: _Other, old: Reading, new: Statement) -> bool:
    reading = other.reading
    if _lasts(other) or _has_new_name(other, old, new):
        return False
    own = reading.subject == "user"
    if _names(old) & other.statement.names and (own or _HOUSEHOLD.match(reading.subject)):
        return reading.tense is Tense.PRESENT or _STAYS_HOME.search(other.content) is not None
    if reading.tense is not Tense.PRESENT or not (own or "neighbour" in reading.subject):
        return False
    return reading.attribute in {"dwelling", "address"} or bool(_HOME_WORDS.search(other.content))


def _goes_with_employer(other: _Other, old: Reading, new: Statement) -> bool:
    reading = other.reading
    boss = reading.attribute == "relative:boss" or bool(_LENT.search(other.content))
    if reading.attribute in {"employer", old.attribute} or _has_new_name(other, old, new):
        return False
    if _lasts(other) and not boss:
        return False
    if boss or _SUPERIORS.match(reading.subject):
        return True
    if reading.subject != "user":
        return False
    named = bool(_names(old) & other.statement.names)
    if old.attribute == "work":  # an employer without a name: "the city library"
        named = frozenset(old.values) - {"for"} <= other.terms
    # A dishwasher of that brand is not part of the job.
    return (named and reading.attribute not in _HAVING) or (
        reading.tense is Tense.PRESENT
        and (reading.attribute == "job" or bool(_WORK_WORDS.search(other.content)))
    )


def _goes_with_job(other: _Other, old: Reading, new: Statement) -> bool:
    reading = other.reading
    if _lasts(other) or reading.subject != "user" or reading.tense is not Tense.PRESENT:
        return False
    if reading.attribute in {"job", "employer"}:
        return False
    return bool(_JOB_WORDS.search(other.content))


def _is_employment(reading: Reading, content: str) -> bool:
    if reading.subject != "user":
        return False
    return reading.attribute == "employer" or (
        reading.attribute == "work" and _EMPLOYED.search(content) is not None
    )


def _is_partnership(reading: Reading) -> bool:
    family, _, kind = reading.attribute.partition(":")
    if reading.attribute == "relationship status":
        return reading.values[:1] not in {("single",), ("divorced",), ("widowed",)}
    return family == "relative" and re.fullmatch(_PARTNERS, kind) is not None


def _is_parting(old: Reading, new: Statement, change: Change) -> bool:
    """Return whether a partnership ended; an engagement may become a marriage."""
    if change.content == change.old.content:
        return True
    before = read(change.old.content).names
    return bool(_APART.search(change.content)) or bool(
        before and new.names and not before & new.names
    )


def _goes_with_partner(other: _Other, old: Reading, new: Statement) -> bool:
    reading = other.reading
    if reading.tense is Tense.PAST or reading.polarity is not Polarity.ASSERTS:
        return False
    if reading.attribute in {"relationship status", "birthplace", "birthday", "name"}:
        return False
    words = _PARTNER_WORD.search(other.content)
    other_names = other.statement.names
    named = _names(old) & other_names
    if words and other_names and not named and any(n in other_names for n in new.names):
        return False
    return bool(words) or bool(named and reading.subject == "user")


def _goes_with_pet(other: _Other, old: Reading, new: Statement) -> bool:
    reading = other.reading
    if reading.tense is Tense.PAST or reading.polarity is not Polarity.ASSERTS:
        return False
    kind = old.attribute.partition(":")[2]
    named = bool(_names(old) & other.statement.names)
    if named:
        return True
    unnamed = f"user's {kind}" == reading.subject or bool(
        re.search(rf"\b(?:his|her|their|the|user's) {re.escape(kind)}\b", other.content.lower())
    )
    return unnamed and reading.attribute != old.attribute


def _goes_with_thing(other: _Other, old: Reading, new: Statement) -> bool:
    reading = other.reading
    if reading.tense is Tense.PAST or reading.polarity is not Polarity.ASSERTS:
        return False
    if reading.attribute == old.attribute or reading.subject not in ("user", "user's car"):
        return False
    kind = old.attribute.partition(":")[2]
    if _has_new_name(other, old, new) or reading.attribute in _FEELING:
        return False
    values = frozenset(old.values) & other.statement.term_set & other.statement.names
    own = re.search(
        rf"\b(?:his|her|their|the|user's) (?:\w+ )?{re.escape(kind)}\b", other.content.lower()
    )
    return bool(values) or own is not None


def _goes_with_diet(other: _Other, old: Reading, new: Statement) -> bool:
    reading = other.reading
    if reading.subject != "user" or reading.tense is not Tense.PRESENT:
        return False
    if reading.polarity is not Polarity.ASSERTS or reading.attribute == "diet":
        return False
    # Earlier food: the old diet's own dishes, or food that the new diet excludes.
    if frozenset(old.values) & other.terms:
        return True
    left_out = frozenset().union(
        *(
            _FOODLESS.get(value, frozenset())
            for new_reading in new.readings
            if new_reading.attribute == "diet" and new_reading.polarity is Polarity.ASSERTS
            for value in new_reading.values
        )
    )
    eats = reading.attribute in _EATING | {"like"} or reading.attribute.startswith("favourite:")
    return eats and bool(left_out & other.terms)


_HABITS = frozenset(terms_of("play train study practise practice learn attend take run swim do"))


def _is_given_up(reading: Reading, new: Statement) -> bool:
    return reading.attribute in _HABITS and any(
        new_reading.polarity is Polarity.ENDED and new_reading.attribute == reading.attribute
        for new_reading in new.readings
    )


def _goes_with_activity(other: _Other, old: Reading, new: Statement) -> bool:
    reading = other.reading
    if _lasts(other) or reading.subject != "user" or not old.values:
        return False
    return old.values[0] in other.terms
