"""Builds arguments for functions from their annotations, with a pumped text wherever text goes."""

import dataclasses
import enum
import inspect
import itertools
import re
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from tests.safety.pumps import Pump
from tests.statement_models import KeepAll

from hitherto.api import ContextRequest
from hitherto.core.extraction.grounding import SaidWords
from hitherto.core.history.redaction import Redactor, redactor_for
from hitherto.core.recall import query_plan
from hitherto.core.recall.query_plan import QueryPlan
from hitherto.core.safety.classifier import Classifier, ScoredMessage
from hitherto.core.safety.echo import Memories
from hitherto.core.safety.features import DescribedSegment, Likenesses
from hitherto.core.safety.segments import Segment, concepts_of, segments_of, words_of
from hitherto.core.statements import predicate, reader
from hitherto.core.statements.attribute_types import Reading, Statement
from hitherto.core.statements.learned import ReadMessage, StatementModel
from hitherto.core.statements.predicate import Predicate
from hitherto.models import GenerationPreferences, MemoryVersion, MessageRole
from hitherto.trained import provenance_classifier

NOW: Final = datetime(2025, 6, 3, 12, tzinfo=UTC)
DAY: Final = NOW.date()
PLAIN: Final = Pump("User lives in Porto. ")
PLAIN_CHARS: Final = 21
MOST_ITEMS: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """What text is put into an argument.

    many: whether sequences get many short texts, rather than one long one. number: of the item
    that it is the source of, 0 for what is not pumped.
    """

    pump: Pump
    chars: int
    many: bool = False
    number: int = 0

    def text(self) -> str:
        """Return the long text."""
        return self.pump.text(self.chars)

    def items(self) -> "list[Source]":
        """Return the sources of a sequence's items."""
        if not self.many:
            return [dataclasses.replace(self, many=False)]
        pump_of = cache(Pump)
        pieces = enumerate(self.texts(), 1)
        return [Source(pump_of(piece), len(piece), number=number) for number, piece in pieces]

    def texts(self) -> list[str]:
        """Return the texts of a sequence's items."""
        return list(self.pump.pieces(self.chars)) if self.many else [self.text()]


SMALL: Final = Source(PLAIN, PLAIN_CHARS)

Maker = Callable[[Source], Any]


LEARNED: Mapping[type, Any] = {
    StatementModel: KeepAll(),
    ReadMessage: KeepAll().read("I am here.", ""),
}
"""Values of types that a learned model gives."""


def _version(source: Source) -> MemoryVersion:
    return MemoryVersion(f"memory {source.number}", "session", source.text(), NOW, NOW, NOW)


def _segment(source: Source) -> Segment:
    """The text as one segment, however long it is."""
    text = source.text()
    words = words_of(text)
    return Segment(text, 0, 0, False, False, words, concepts_of(text, words))


def _scored(source: Source) -> ScoredMessage:
    segments = segments_of(source.text()) or segments_of(PLAIN.text(PLAIN_CHARS))
    return ScoredMessage(0, True, segments, Likenesses(segments), np.zeros(len(segments)))


def _three_lists(source: Source) -> tuple[list[str], ...]:
    return tuple([each.text() for each in source.items()] for _ in range(3))


MAKERS: Final[Mapping[Any, Maker]] = {
    str: Source.text,
    object: Source.text,
    Any: Source.text,
    int: lambda _: 0,
    float: lambda _: 0.5,
    bool: lambda _: True,
    None: lambda _: None,
    type(None): lambda _: None,
    datetime: lambda _: NOW,
    date: lambda _: DAY,
    ZoneInfo: lambda _: ZoneInfo("UTC"),
    re.Pattern[str]: lambda _: re.compile(r"\bx\b"),
    SaidWords: lambda source: SaidWords.of([each.text() for each in source.items()]),
    MemoryVersion: _version,
    Memories: lambda source: Memories([_version(each) for each in source.items()]),
    Statement: lambda source: reader.read(source.text()),
    Reading: lambda source: reader.read(source.text()).reading,
    Predicate: lambda source: predicate.analyse_text(source.text()),
    GenerationPreferences: lambda source: GenerationPreferences(
        tuple(each.text() for each in source.items())
    ),
    ContextRequest: lambda source: ContextRequest(timezone=source.text()),
    query_plan.Reading: lambda source: query_plan.Reading(*_three_lists(source)),
    QueryPlan: lambda source: query_plan.plan(source.text(), today=DAY, wide=True),
    Classifier: lambda _: provenance_classifier(),
    Segment: _segment,
    DescribedSegment: lambda source: DescribedSegment(_segment(source), ("word:" + source.text(),)),
    Likenesses: lambda source: Likenesses([_segment(each) for each in source.items()]),
    ScoredMessage: _scored,
    Redactor: lambda source: redactor_for([each.text() for each in source.items()], [], []),
}
"""How to make what cannot be put together of its fields, or would not be as it is in use."""

NAMED: Final[Mapping[str, Any]] = {
    "max_chars": MOST_ITEMS,
    "maximum": MOST_ITEMS,
    "most": MOST_ITEMS,
    "limit": 100,
    "max_tokens": 1_000,
    "tokens_left": 1_000,
    "budget_tokens": 1_000,
    "target": 20,
    "timezone": "UTC",
    "memory_id": "memory 0",
    "kind": MessageRole,
}
"""Values of arguments that bound a function, by name."""


OPTIONAL_TEXTS: Final = frozenset({"doubt_reason", "expiration_reason", "description", "note"})
"""Fields with a default that hold text nevertheless; the others keep their default."""


def has_text(annotation: Any) -> bool:
    """Return whether a value of this type holds text that somebody may have written."""
    return _has_text(annotation, ())


def _has_text(annotation: Any, within: tuple[Any, ...]) -> bool:
    if annotation in (str, object, Any, Memories):
        return True
    if annotation in within or typing.get_origin(annotation) is typing.Literal:
        return False
    if any(_has_text(inner, within) for inner in typing.get_args(annotation)):
        return typing.get_origin(annotation) is not Callable
    if not _is_record(annotation):
        return False
    hints = typing.get_type_hints(annotation)
    fields = (hints[field.name] for field in dataclasses.fields(annotation))
    return any(_has_text(field, (*within, annotation)) for field in fields)


def _is_record(annotation: Any) -> bool:
    return isinstance(annotation, type) and dataclasses.is_dataclass(annotation)


def build(annotation: Any, source: Source, name: str = "") -> Any:
    """Return a value of an annotated type, with the source's text wherever it holds text."""
    if name in NAMED and source is SMALL:
        return NAMED[name]
    if annotation in MAKERS:
        return MAKERS[annotation](source)
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return build(next(one for one in inner if one is not type(None)), source, name)
    if origin is typing.Literal:
        return inner[0]
    if origin is tuple and inner[-1:] != (Ellipsis,):
        return tuple(build(one, source) for one in inner)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        sources = [SMALL, *source.items()]
        if inner[1] is MemoryVersion:
            return {(version := _version(each)).memory_id: version for each in sources}
        return {build(inner[0], each): build(inner[1], each) for each in sources}
    if isinstance(origin, type) and issubclass(origin, Collection | Iterable):
        texts = source.texts() if inner[0] is str else None
        return _collected(origin, texts or [build(inner[0], each) for each in source.items()])
    if origin is Callable or annotation is Callable:
        return lambda *_: build(inner[1], SMALL)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return next(iter(annotation))
    if isinstance(annotation, type):
        return LEARNED.get(annotation) or _constructed(annotation, source)
    raise TypeError(f"no value for {annotation!r}")


def _collected(origin: type, values: list[Any]) -> Any:
    if issubclass(origin, AbstractSet):
        return frozenset(values) if origin is not set else set(values)
    return tuple(values) if origin in (tuple, Sequence) else values


def _constructed(annotation: type, source: Source) -> Any:
    return annotation(
        **{name: build(hint, source, name) for name, hint in _parameters(annotation).items()}
    )


@cache
def _parameters(annotation: type) -> Mapping[str, Any]:
    """The parameters that a class is made with, and their types, but those with a default."""
    hints = typing.get_type_hints(annotation if _is_record(annotation) else annotation.__init__)
    return {
        name: hints[name]
        for name, parameter in inspect.signature(annotation).parameters.items()
        if name in hints
        and (parameter.default is parameter.empty or name in OPTIONAL_TEXTS)
        and parameter.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    }


def call_of(
    function: Callable[..., Any], pumped: str, source: Source
) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments of a call in which one parameter has the source's text.

    The other parameters get a short text each, as far as they have no default.
    """
    hints, parameters = _signature(function)
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for name, parameter in parameters.items():
        own = source if name == pumped else SMALL
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            positional += [build(hints[name], own, name)]
        elif parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            if name == pumped or parameter.default is parameter.empty:
                named[name] = build(hints[name], own, name)
        else:
            positional.append(build(hints[name], own, name))
    return positional, named


@cache
def ways_of(function: Callable[..., Any]) -> tuple[tuple[str, bool], ...]:
    """Return the ways to pump a call: a parameter each, and whether it gets many texts.

    Left out are those that make the same argument as another, or the same one whatever the text.
    """
    hints, parameters = _signature(function)
    ways = []
    for name in parameters:
        if has_text(hints[name]):
            small, one, many = (build(hints[name], source) for source in _TRIED)
            ways += [(name, False)] * bool(one != small) + [(name, True)] * bool(many != one)
    return tuple(ways)


_TRIED: Final = (SMALL, *(Source(Pump("I fear dr. A. "), 140, many) for many in (False, True)))


@cache
def _signature(function: Callable[..., Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    plain = inspect.unwrap(function)
    return typing.get_type_hints(plain), inspect.signature(plain).parameters


def consumed(result: Any) -> Any:
    """Run through what a function yields."""
    if isinstance(result, itertools.chain | map | filter) or inspect.isgenerator(result):
        return list(result)
    return result
