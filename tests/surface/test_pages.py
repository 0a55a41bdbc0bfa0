"""What the pages say of the code is true: names, paths, settings, commands, messages, states.

Each test reads what a page says and asks the code, so that neither can change alone.
"""

import ast
import importlib
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.surface.pages import PAGES, ROOT, blocks, prose, section, table

from hitherto import Hitherto, MergeConflict, Session, User
from hitherto.cli import app
from hitherto.core.arguments import auto_process_after_s
from hitherto.core.recall import query_plan
from hitherto.engine.context_call import choose_strategy
from hitherto.engine.context_composer import HOPS
from hitherto.errors import ValidationError
from hitherto.models import (
    ContextMetadata,
    DeletionReport,
    RecallStrategy,
    SessionStatus,
    WebhookEventType,
)
from hitherto.settings import Settings

DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "hitherto"
CODE = re.compile(r"`([^`\n]+)`")


def named(page: Path, pattern: str) -> set[str]:
    """What a page names in code letters and that matches as a whole."""
    return {code for code in CODE.findall(prose(page)) if re.fullmatch(pattern, code)}


def missing(pattern: str, exists: object) -> dict[str, set[str]]:
    """By page, the names of a pattern that do not exist."""
    assert callable(exists)
    absent = {
        page.relative_to(ROOT).as_posix(): {
            name for name in named(page, pattern) if not exists(name)
        }
        for page in PAGES
    }
    return {page: names for page, names in absent.items() if names}


def test_modules_and_functions_named_in_full_exist() -> None:
    def is_importable(name: str) -> bool:
        parts = name.partition("(")[0].split(".")
        for length in range(len(parts), 0, -1):
            try:
                found: object = importlib.import_module(".".join(parts[:length]))
            except ModuleNotFoundError:
                continue
            for part in parts[length:]:
                if not hasattr(found, part):
                    return False
                found = getattr(found, part)
            return True
        return False

    assert missing(r"hitherto(\.\w+)+(\(.*\))?", is_importable) == {}


def test_files_and_folders_named_with_their_path_exist() -> None:
    roots = (ROOT, SOURCE)
    places = "benchmarks|evals|examples|scripts|tests|docs|requirements|core|engine|store|server"
    places += "|client|cli|inference|embedding|background|wire|models|prompts|evaluation"

    def exists(name: str) -> bool:
        return any((root / name).exists() or list(root.glob(name)) for root in roots)

    assert missing(rf"(?:{places})/[a-z0-9_./*-]*", exists) == {}


def test_modules_of_the_core_named_in_tables_exist() -> None:
    for page, package in (("extraction", ""), ("recall", "recall.")):
        rows = [row for row in table(prose(DOCS / f"{page}.md")) if CODE.match(row[0])]
        for row in rows:
            for name in CODE.findall(row[0]):
                if re.fullmatch(r"[a-z_.0-9]+", name):
                    importlib.import_module(f"hitherto.core.{package}{name}")


def test_environment_variables_are_settings() -> None:
    known = {f"HITHERTO_{name.upper()}" for name in Settings.model_fields}
    known |= {"HITHERTO_TEST_CRASH_ROUNDS"}
    absent = {
        page.relative_to(ROOT).as_posix(): names - known
        for page in PAGES
        if (names := set(re.findall(r"HITHERTO_[A-Z_]*[A-Z]", page.read_text(encoding="utf-8"))))
        - known
    }
    assert absent == {}


def options_of_commands() -> dict[tuple[str, ...], set[str]]:
    """The options of each command of the command line, by the command's words."""
    found: dict[tuple[str, ...], set[str]] = {}
    waiting: list[tuple[tuple[str, ...], Any]] = [((), typer.main.get_command(app))]
    while waiting:
        words, command = waiting.pop()
        waiting += [
            ((*words, name), each) for name, each in getattr(command, "commands", {}).items()
        ]
        options = [(*each.opts, *each.secondary_opts) for each in command.params]
        found[words] = {"--help", *(name for names in options for name in names)}
    return found


def test_commands_exist_with_their_options() -> None:
    known = options_of_commands()
    wrong = []
    for page in PAGES:
        shown = [text for kind, text in blocks(page) if kind == "console"]
        lines = [line for text in shown for line in text.splitlines()]
        for line in [*lines, *CODE.findall(prose(page))]:
            called = re.match(r"(?:\$ )?(?:[A-Z_]+=\S+ )*hitherto ([a-z][a-z ]*)(.*)", line)
            if called is None:
                continue
            words = tuple(called[1].split())
            while words not in known:
                words = words[:-1]
            options = set(re.findall(r"(?<!\S)\[?(--[a-z-]+)", called[2]))
            if not words or options - known[words]:
                wrong.append(f"{page.name}: {line}")
    assert wrong == []


def test_attributes_and_methods_of_the_client_exist() -> None:
    classes = {
        "user": User,
        "session": Session,
        "conflict": MergeConflict,
        "memory": Hitherto,
        "metadata": ContextMetadata,
        "report": DeletionReport,
    }
    others = {"memory.db", "memory.db-wal", "memory.db-shm"} | set(WebhookEventType)

    def exists(name: str) -> bool:
        owner, attribute = re.findall(r"\w+", name)[:2]
        fields = getattr(classes[owner], "__dataclass_fields__", {})
        return name in others or attribute in fields or hasattr(classes[owner], attribute)

    assert missing(rf"(?:{'|'.join(classes)})\.\w+(?:-\w+)?(?:\(.*\))?", exists) == {}


def test_the_list_of_a_page_names_its_sections() -> None:
    for page in PAGES:
        text = prose(page)
        listed = re.findall(r"^- \[([^\]]+)\]\(#", text, re.MULTILINE)
        if listed:
            assert listed == re.findall(r"^## (.+)$", text, re.MULTILINE), page.name


def test_the_diagram_of_a_session_names_every_status() -> None:
    (diagram,) = [
        text
        for kind, text in blocks(DOCS / "architecture.md")
        if kind == "text" and "PENDING" in text
    ]
    assert {status for status in SessionStatus if status.name in diagram} == set(SessionStatus)


def test_each_term_of_the_glossary_is_defined_once() -> None:
    rows = table(prose(DOCS / "glossary.md"))
    terms = [row[0].strip("*") for row in rows]
    assert all(len(row) == 2 and len(row[1].split()) >= 3 for row in rows)
    assert sorted(set(terms)) == sorted(terms)


def test_the_changelog_names_nothing_twice() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for release in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        entries = re.split(r"^- ", release, flags=re.MULTILINE)[1:]
        extras = [
            name for entry in entries for name in set(re.findall(r"`(hitherto\[\w+\])`", entry))
        ]
        starts = [" ".join(entry.split()[:2]) for entry in entries]
        assert sorted(set(extras)) == sorted(extras)
        assert sorted(set(starts)) == sorted(starts)


def test_the_range_of_auto_process_after_seconds_is_the_one_that_is_accepted() -> None:
    text = section(DOCS / "how-to.md", "Decide yourself when a session is processed")
    found = re.search(r"at least ([\d,]+), at most ([\d,]+)", " ".join(text.split()))
    assert found is not None
    least, most = (int(number.replace(",", "")) for number in found.groups())
    assert [auto_process_after_s(seconds) for seconds in (least, most)] == [least, most]
    for outside in (least - 1, most + 1):
        with pytest.raises(ValidationError, match=re.escape(f"{most:,}")):
            auto_process_after_s(outside)


def test_the_page_of_recall_says_how_far_each_strategy_searches() -> None:
    rows = {row[0].strip("`"): row for row in table(section(DOCS / "recall.md", "Strategies"))}
    assert set(rows) == {strategy.name for strategy in RecallStrategy}
    numbers = {"one": 1, "two hops": 2, "three hops": 3}
    assert {
        RecallStrategy[name]: numbers[row[2].partition(",")[0]]
        for name, row in rows.items()
        if name != "AUTO"
    } == HOPS


@pytest.mark.parametrize(
    ("question", "strategy"),
    [
        ("How many times did I visit Rome?", RecallStrategy.AGENTIC),
        ("What did you suggest for dinner?", RecallStrategy.AGENTIC),
        ("What did I do in May?", RecallStrategy.BALANCED),
        ("Where did I live before I moved?", RecallStrategy.BALANCED),
        ("What is my dog called?", RecallStrategy.LOW_LATENCY),
    ],
)
def test_auto_picks_what_the_page_of_recall_says(question: str, strategy: RecallStrategy) -> None:
    plan = query_plan.plan(question, today=date(2025, 3, 14), wide=True)
    assert choose_strategy(RecallStrategy.AUTO, plan) is strategy


def messages_of_the_source() -> set[str]:
    """The texts of the code that are no docstrings; `…` stands for each value in them."""
    texts = set()
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                texts.add(
                    "".join(
                        str(part.value) if isinstance(part, ast.Constant) else "…"
                        for part in node.values
                    )
                )
            elif isinstance(node, ast.Constant) and id(node) not in docstrings:
                texts.add(str(node.value))
    return texts


def test_the_messages_of_the_troubleshooting_page_are_those_of_the_code() -> None:
    texts = messages_of_the_source()
    quoted = [
        line
        for kind, block in blocks(DOCS / "troubleshooting.md")
        if kind == "text"
        for line in block.splitlines()
    ]
    assert len(quoted) > 40
    assert all(len(line.replace("…", "").strip()) > 8 for line in quoted)
    unknown = [
        line
        for line in quoted
        if not any(
            re.search(".*".join(map(re.escape, line.split("…"))), text, re.DOTALL) for text in texts
        )
    ]
    assert unknown == []
