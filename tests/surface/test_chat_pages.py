"""The chat programs of docs/chat run as they stand there, against a scripted model over HTTP."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.scripted_model import Asked, Chats, ScriptedModel, scripted_model
from tests.surface.pages import ROOT, blocks

PAGES = sorted((ROOT / "docs" / "chat").glob("*.md"))
TURN = re.compile(r"^(you|assistant)> ?(.*)$")


@dataclass(frozen=True, slots=True)
class Conversation:
    """One run of the program, as the page shows it: what is typed, and what is answered."""

    typed: list[str]
    answered: list[str]


def conversations(page: Path) -> list[Conversation]:
    """The runs that a page shows."""
    shown = [content for kind, content in blocks(page) if kind == "console" and "you> " in content]
    runs = []
    for run in "".join(shown).split("$ python chat.py\n")[1:]:
        turns = [TURN.match(line) for line in run.splitlines()]
        assert all(turns), run
        said = [(turn[1], turn[2]) for turn in turns if turn]
        runs.append(
            Conversation(
                typed=[text for who, text in said if who == "you"],
                answered=[text for who, text in said if who == "assistant"],
            )
        )
    return runs


def program(page: Path) -> str:
    """The one block of Python of a page."""
    (code,) = [content for kind, content in blocks(page) if kind == "python"]
    return code


def run(folder: Path, model: ScriptedModel, conversation: Conversation) -> str:
    """Run the program in a folder with the typed lines; return what it prints."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OPENAI_API_KEY", "unused")
        environment.setenv("OPENAI_BASE_URL", model.url)
        environment.setenv("OLLAMA_BASE_URL", model.url)
        environment.setenv("ANTHROPIC_API_KEY", "unused")
        environment.setenv("ANTHROPIC_BASE_URL", model.url.removesuffix("/v1"))
        done = subprocess.run(
            [sys.executable, "-W", "error", "chat.py"],
            cwd=folder,
            input="".join(f"{line}\n" for line in conversation.typed),
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def dialogue(asked: Asked) -> list[tuple[str, str]]:
    """Roles and texts that a request carries besides its instructions."""
    found = []
    for message in asked.body["messages"]:
        if message["role"] in ("user", "assistant"):
            content = message["content"]
            text = (
                content if isinstance(content, str) else "".join(part["text"] for part in content)
            )
            found.append((message["role"], text))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_chat_program_remembers_across_its_two_runs(page: Path, tmp_path: Path) -> None:
    (tmp_path / "chat.py").write_text(program(page), encoding="utf-8")
    shown = conversations(page)
    assert len(shown) == 2
    with scripted_model() as model:
        for conversation in shown:
            asked_before = len(model.requests)
            model.will(*map(Chats, conversation.answered))
            printed = run(tmp_path, model, conversation)
            answers = [f"you> assistant> {text}\n" for text in conversation.answered]
            assert printed == "".join([*answers, "you> "])
            turns = list(zip(conversation.typed, conversation.answered, strict=False))
            expected: list[tuple[str, str]] = []
            for asked, (typed, answered) in zip(model.requests[asked_before:], turns, strict=True):
                expected.append(("user", typed))
                assert dialogue(asked) == expected
                assert asked.instructions.startswith("You are a helpful assistant.\n\n")
                assert "<recalled_memory>" in asked.instructions
                expected.append(("assistant", answered))
        first_typed = shown[0].typed[0]
        assert first_typed not in model.requests[0].instructions.partition("ongoing")[0]
        assert first_typed in model.requests[-1].instructions, "the second run recalls the first"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_chat_program_is_short_enough_to_read(page: Path) -> None:
    assert len(program(page).splitlines()) <= 50


def test_the_task_pages_name_every_chat_page() -> None:
    how_to = (ROOT / "docs" / "how-to.md").read_text(encoding="utf-8")
    assert {f"chat/{page.name}" for page in PAGES} <= set(
        re.findall(r"\((chat/[\w-]+\.md)\)", how_to)
    )
