"""The chat programs of docs/chat run as they stand there, against a scripted model over HTTP."""

import contextlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.scripted_model import Chats, ModelRequest, ScriptedModel, scripted_model
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


def run(page: Path, model: ScriptedModel, conversation: Conversation) -> str:
    """Run the program in the present folder with the typed lines; return what it prints."""
    typed = iter(conversation.typed)
    printed = io.StringIO()

    def read(prompt: str) -> str:
        printed.write(prompt)
        return next(typed)

    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setenv("OPENAI_API_KEY", "unused")
        patch.setenv("OPENAI_BASE_URL", model.url)
        patch.setenv("OLLAMA_BASE_URL", model.url)
        patch.setenv("ANTHROPIC_API_KEY", "unused")
        patch.setenv("ANTHROPIC_BASE_URL", model.url.removesuffix("/v1"))
        patch.setattr("builtins.input", read)
        exec(compile(program(page), f"{page.name}, chat.py", "exec"), {"__name__": "__main__"})
    assert list(typed) == []
    return printed.getvalue()


def dialogue(model_request: ModelRequest) -> list[tuple[str, str]]:
    """Roles and texts that a request carries besides its instructions."""
    found = []
    for message in model_request.body["messages"]:
        if message["role"] in ("user", "assistant"):
            content = message["content"]
            text = (
                content if isinstance(content, str) else "".join(part["text"] for part in content)
            )
            found.append((message["role"], text))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_chat_program_remembers_across_its_two_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = conversations(page)
    assert len(shown) == 2
    with scripted_model() as model:
        for conversation in shown:
            asked_before = len(model.requests)
            model.will(*map(Chats, conversation.answered))
            printed = run(page, model, conversation)
            answers = [f"you> assistant> {text}\n" for text in conversation.answered]
            assert printed == "".join([*answers, "you> "])
            turns = list(zip(conversation.typed, conversation.answered, strict=False))
            expected: list[tuple[str, str]] = []
            for model_request, (typed, answered) in zip(
                model.requests[asked_before:], turns, strict=True
            ):
                expected.append(("user", typed))
                assert dialogue(model_request) == expected
                assert model_request.instructions.startswith("You are a helpful assistant.\n\n")
                assert "<recalled_memory>" in model_request.instructions
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
