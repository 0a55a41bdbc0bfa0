"""Words are listed once: English ones in `core/text/english_words.py`, those of other languages in
`core/text/languages.py` and `core/text/date_names.py`; all else derives from there."""

import ast
import re
from collections.abc import Iterator, Sequence, Set
from functools import cache
from pathlib import Path

import pytest

from hitherto.core.text import date_names, languages
from hitherto.core.text import english_words as english

LISTS = {Path(str(module.__file__)) for module in (english, languages, date_names)}
CORE = Path(english.__file__).parents[1]
MODULES = [path for path in sorted(CORE.rglob("*.py")) if path not in LISTS]

FAMILY = re.compile(
    r"mother|father|brother|sister|daughter|son\b|aunt|uncle|niece|nephew|wife|husband"
)
KIN = {word for word in english.PEOPLE if FAMILY.search(word)} | english.PARTNERS
IN_PATTERNS = {
    "months": ({*english.MONTH_NAMES, *english.SHORT_MONTHS}, 3),
    "days of the week": ({*english.DAY_NAMES, *english.SHORT_DAYS}, 3),
    "numbers": ({*english.UNITS, *english.TENS}, 5),
    "ordinals": (set(english.ORDINALS), 5),
    "relatives": (KIN, 4),
    "pets": (english.PETS, 4),
}
"""Each table with the most words of it that a literal elsewhere may hold."""

IN_LISTS = {
    "irregular forms": (set(english.VERB_OF_FORM), 30),
    "personal pronouns": (english.SUBJECT_PRONOUNS | english.OBJECT_PRONOUNS, 10),
    "possessives": (english.POSSESSIVES | english.POSSESSIVE_PRONOUNS, 8),
    "stop words": (english.STOP_WORDS, 40),
    "words of other languages": (languages.OTHER_FUNCTION_WORDS, 12),
}
"""The same of tables whose words stand in every phrase: only lists of single words count."""

MOST_IRREGULAR_FORMS = 3


@cache
def literals(path: Path) -> list[tuple[int, list[str]]]:
    """Return the strings of each value that a module names, and of each collection elsewhere."""
    return [(node.lineno, list(strings(node))) for node in _values(path)]


def _values(path: Path) -> Iterator[ast.expr]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            yield node.value
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            for inner in ast.walk(node):
                if isinstance(inner, ast.List | ast.Set | ast.Tuple | ast.Dict):
                    yield inner


def strings(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value


def words_in(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]+(?:['-][^\W\d_]+)*", text.lower()))


def listed_words(texts: list[str]) -> set[str]:
    """Return the words of texts that are lists of words: no marks, as patterns and prose have."""
    return {word for text in texts if not re.search(r"[^\w\s'-]", text) for word in text.split()}


def second_lists(
    members: Set[str], most: int, *, in_patterns: bool, modules: Sequence[Path] = MODULES
) -> dict[str, list[str]]:
    second = {}
    for path in modules:
        for line, texts in literals(path):
            words = words_in(" ".join(texts)) if in_patterns else listed_words(texts)
            if len(words & members) > most:
                second[f"{path}:{line}"] = sorted(words & members)
    return second


@pytest.mark.parametrize("table", IN_PATTERNS)
def test_a_closed_list_stands_in_one_place(table: str) -> None:
    assert second_lists(*IN_PATTERNS[table], in_patterns=True) == {}


@pytest.mark.parametrize("table", IN_LISTS)
def test_a_word_list_stands_in_one_place(table: str) -> None:
    assert second_lists(*IN_LISTS[table], in_patterns=False) == {}


def test_irregular_verbs_stand_in_one_place() -> None:
    second = {
        f"{path.relative_to(CORE)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Dict)
        and sum(
            english.VERB_OF_FORM.get(str(key.value)) == value.value
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant) and isinstance(value, ast.Constant)
        )
        > MOST_IRREGULAR_FORMS
    }
    assert second == set()


def test_a_second_list_is_found(tmp_path: Path) -> None:
    path = tmp_path / "another.py"
    path.write_text(
        '_MONTHS = re.compile(r"in (?:january|february|march|april)")\n'
        f"def f():\n    return {sorted(english.STOP_WORDS)[:50]!r}\n"
    )
    assert second_lists(*IN_PATTERNS["months"], in_patterns=True, modules=[path])
    assert second_lists(*IN_LISTS["stop words"], in_patterns=False, modules=[path])
    assert not second_lists(*IN_PATTERNS["pets"], in_patterns=True, modules=[path])


def test_each_person_is_listed_once() -> None:
    words = [word for _, listed in english._PEOPLE for word in listed.split()]
    assert len(words) == len(set(words))
    assert set(english.SAME_RELATIVE) <= english.RELATIVES
    assert set(english.SAME_RELATIVE.values()) <= english.RELATIVES
