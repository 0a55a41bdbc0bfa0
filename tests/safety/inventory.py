"""Finds what reads text: the compiled patterns of the package and the functions of its core."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
import typing
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any, Final

import numpy as np
from tests.safety.arguments import has_text

import hitherto
from hitherto.core.extraction.own_words import MAX_SENTENCE_CHARS
from hitherto.core.extraction.rewriting import MAX_CHARS
from hitherto.core.recall.bm25 import LexicalIndex
from hitherto.core.recall.index import MemoryIndex, MessageIndex, SummaryIndex
from hitherto.core.recall.ranking import DenseScores

METHODS: Final = ("match", "fullmatch", "search", "finditer")
"""Ways to run a pattern; the others scan a text as `finditer` does."""

_SCANS: Final = {"sub": "finditer", "subn": "finditer", "split": "finditer", "findall": "finditer"}

_SENTENCE: Final = (MAX_SENTENCE_CHARS, "a sentence, as `own_words` bounds it")
_CLAUSE: Final = (MAX_CHARS, "a sentence, as `rewriting` bounds it")
BOUNDED: Final[Mapping[str, tuple[int, str]]] = {
    "core.extraction.clause_dates.": _CLAUSE,
    "core.extraction.rewriting._": _CLAUSE,
    "core.extraction.own_words._LEADING": _SENTENCE,
}
"""Subjects, by how their names begin, that never get longer texts: the bound, and what is read.

They are judged by what they take at the bound, not by their growth."""

EXEMPT: Final[Mapping[str, str]] = {
    "core.dates.day_words.day_number": "takes a word of its own table",
    "core.dates.expressions.compile_form": "takes a pattern of this package",
    "core.dates.other_languages._in_front": "takes words of a grammar of the package",
    "core.dates.other_languages._pattern": "takes words of a grammar of the package",
    "core.dates.holidays.holiday_day": "takes a name of its own table",
    "core.context.priorities._lines": "takes drafts of drafts: `render` in scenarios",
    "core.context.priorities.without_weak_memories": "compares similarities; reads no text",
    "core.context.sections._shown_memories": "takes drafts of drafts: `render` in scenarios",
    "core.context.priorities._connected_lines": "takes drafts of drafts: `render` in scenarios",
    "core.history.version_chains.delete_session": "takes ids that exist; reads no text",
    "core.history.version_chains._delete_each": "takes ids that exist; reads no text",
    "core.recall.bm25._merge": "takes segments of arrays: the index in scenarios",
    "core.reconciliation.conflict_redaction._without_memories": "by `redact_conflicts`",
    "core.reconciliation.doubt.of_plan": "takes a plan with its versions: the session in scenarios",
    "core.text.lookalikes.letters_of": "takes one character",
    "core.text.lookalikes._folded": "takes one character",
    "core.text.normal_form._is_mark": "takes one character",
}
"""Functions that are not called on pumped strings, each with the reason."""

BY_OTHERS: Final = (
    re.Match,
    np.ndarray,
    MessageIndex,
    MemoryIndex,
    SummaryIndex,
    LexicalIndex,
    DenseScores,
)
"""Types of parameters that leave a function to others: a match is measured with its pattern, and
arrays, whose rows have to agree, in scenarios."""


@dataclass
class FoundPattern:
    """A pattern, where it stands, and how it is run."""

    name: str
    pattern: re.Pattern[Any]
    methods: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class FoundFunction:
    """A function, and those of its parameters that hold text."""

    name: str
    call: Callable[..., Any]
    parameters: tuple[str, ...]


def bound_of(name: str) -> int | None:
    """Return how long a subject's texts are at most; None for as long as a message may be."""
    return next((most for start, (most, _) in BOUNDED.items() if name.startswith(start)), None)


@cache
def modules() -> tuple[ModuleType, ...]:
    """Return every module of the package."""
    names = [each.name for each in pkgutil.walk_packages(hitherto.__path__, "hitherto.")]
    return tuple(importlib.import_module(name) for name in names if "__main__" not in name)


@cache
def functions() -> tuple[FoundFunction, ...]:
    """Return every function of the core's modules that takes text, exempt ones included."""
    found = []
    for module in modules():
        if not module.__name__.startswith("hitherto.core."):
            continue
        for name, value in vars(module).items():
            plain = inspect.unwrap(value) if callable(value) else None
            if not inspect.isfunction(plain) or plain.__module__ != module.__name__:
                continue
            hints = typing.get_type_hints(plain)
            if any(_is_among(hint, BY_OTHERS) for hint in hints.values()):
                continue
            names = [each for each in inspect.signature(plain).parameters if has_text(hints[each])]
            if names:
                found.append(FoundFunction(f"{_short(module)}.{name}", value, tuple(names)))
    return tuple(found)


def _is_among(hint: Any, kinds: tuple[Any, ...]) -> bool:
    if hint in kinds or typing.get_origin(hint) in kinds:
        return True
    return any(_is_among(inner, kinds) for inner in typing.get_args(hint))


@cache
def patterns() -> tuple[FoundPattern, ...]:
    """Return every pattern that a module holds, or that a function of it writes itself."""
    found: dict[int, FoundPattern] = {}
    homes: dict[int, str] = {}
    for module in modules():
        seen: set[int] = set()
        for name, value in vars(module).items():
            for path, pattern in _within(value, f"{_short(module)}.{name}", seen, module.__name__):
                if id(pattern) not in found:
                    found[id(pattern)] = FoundPattern(path, pattern)
                    homes[id(pattern)] = module.__name__
    unknown: dict[str, set[str]] = defaultdict(set)
    for module in modules():
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Attribute):
                _note_use(node, module, found, unknown)
            elif isinstance(node, ast.Call) and _is_re_call(node):
                _note_inline(node, module, found, homes)
    for key, each in found.items():
        # Used through another name, such as that of a loop: in any way that the module has.
        each.methods = each.methods or unknown[homes[key]] or set(METHODS)
    return tuple(each for each in found.values() if isinstance(each.pattern.pattern, str))


def dynamic_patterns() -> list[str]:
    """Return the places where a function makes a pattern of what only its call knows."""
    return [
        f"{_short(module)}: {ast.unparse(node.args[0])}"
        for module in modules()
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call)
        and _is_re_call(node)
        and _evaluated(node.args[0], module) is None
    ]


def _short(module: ModuleType) -> str:
    return module.__name__.removeprefix("hitherto.")


def _is_re_call(node: ast.Call) -> bool:
    function = node.func
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return False
    return function.value.id == "re" and function.attr in {*METHODS, *_SCANS, "compile"}


def _evaluated(node: ast.expr, module: ModuleType) -> Any:
    """The value of an expression that needs no more than the module's names, else None."""
    try:
        return eval(compile(ast.Expression(node), "", "eval"), dict(vars(module)))
    except (NameError, AttributeError, KeyError, TypeError):
        return None


def _note_use(
    node: ast.Attribute,
    module: ModuleType,
    found: Mapping[int, FoundPattern],
    unknown: dict[str, set[str]],
) -> None:
    """Note which pattern a `.search` or the like belongs to, or that it belongs to some pattern."""
    method = _SCANS.get(node.attr, node.attr)
    if method not in METHODS or (isinstance(node.value, ast.Name) and node.value.id == "re"):
        return
    simple = isinstance(node.value, ast.Name | ast.Attribute | ast.Subscript)
    value = _evaluated(node.value, module) if simple else None
    if id(value) in found:
        found[id(value)].methods.add(method)
    elif value is None:
        unknown[module.__name__].add(method)


def _note_inline(
    node: ast.Call, module: ModuleType, found: dict[int, FoundPattern], homes: dict[int, str]
) -> None:
    """Add the pattern of a `re.search(r"...", text)`, unless it is made while the call runs."""
    assert isinstance(node.func, ast.Attribute)
    text = _evaluated(node.args[0], module)
    if node.func.attr == "compile" or not isinstance(text, str):
        return
    flags = [word.value for word in node.keywords if word.arg == "flags"]
    flags += [each for each in node.args[1:] if ast.unparse(each).startswith("re.")]
    pattern = re.compile(text, *(_evaluated(flag, module) for flag in flags))
    name = f"{_short(module)}, line {node.lineno}"
    found.setdefault(id(pattern), FoundPattern(name, pattern))
    homes.setdefault(id(pattern), module.__name__)
    found[id(pattern)].methods.add(_SCANS.get(node.func.attr, node.func.attr))


def _within(
    value: Any, path: str, seen: set[int], home: str
) -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(value, re.Pattern):
        yield path, value
    elif id(value) not in seen and not isinstance(value, str | bytes | int | float | ModuleType):
        seen.add(id(value))
        for name, inner in _parts(value, home):
            yield from _within(inner, f"{path}{name}", seen, home)


def _parts(value: Any, home: str) -> Iterator[tuple[str, Any]]:
    """What a value of a module holds: items, fields, attributes of its classes, defaults."""
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", inner) for key, inner in list(value.items()))
        yield " keys", tuple(value)
    elif isinstance(value, tuple | list | set | frozenset):
        yield from ((f"[{number}]", inner) for number, inner in enumerate(value))
    elif isinstance(value, type):
        if value.__module__ == home:
            yield from ((f".{name}", inner) for name, inner in list(vars(value).items()))
    elif dataclasses.is_dataclass(value):
        yield from (
            (f".{each.name}", getattr(value, each.name, None)) for each in dataclasses.fields(value)
        )
    elif callable(value) and inspect.isfunction(inspect.unwrap(value)):
        function = inspect.unwrap(value)
        if function.__module__ == home:
            yield " defaults", (function.__defaults__, function.__kwdefaults__)
            yield " closure", inspect.getclosurevars(function).nonlocals
