"""The examples run as they are, with the real embedder, and show what they promise."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
LAST_LINE = "Next: README.md for what this is, docs/tutorial.md for a memory of your own."


def run(name: str, *arguments: object, typed: str = "") -> subprocess.CompletedProcess[str]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONIOENCODING", "utf-8")
        environment.setenv("COLUMNS", "80")
        return subprocess.run(
            [sys.executable, str(EXAMPLES / name), *map(str, arguments)],
            input=typed,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo is told to keep its memory; a temporary one is in `tests/privacy`."""
    return tmp_path_factory.mktemp("demo") / "kept.db"


@pytest.fixture(scope="module")
def demo(kept: Path) -> subprocess.CompletedProcess[str]:
    return run("demo.py", "--db", kept)


def test_the_demo_ends_well_and_says_where_to_go_next(
    demo: subprocess.CompletedProcess[str],
) -> None:
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert demo.stderr == ""
    assert demo.stdout.splitlines()[-1] == LAST_LINE
    for path in re.findall(r"\S+\.md", LAST_LINE):
        assert (EXAMPLES.parent / path).is_file(), path


def test_the_demo_fits_80_columns_and_sends_no_control_characters_into_a_pipe(
    demo: subprocess.CompletedProcess[str],
) -> None:
    assert max(map(len, demo.stdout.splitlines())) <= 80
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", demo.stdout)


def test_every_question_of_the_demo_keeps_its_expected_words(
    demo: subprocess.CompletedProcess[str],
) -> None:
    marks = re.findall(r"^[✓✗] .*", demo.stdout, re.MULTILINE)
    lost = [mark for mark in marks if mark.startswith("✗")]
    assert len(marks) == 10
    assert lost == []
    assert "10 of 10 contexts hold every expected word" in demo.stdout


def test_the_demo_shows_a_change_with_what_it_superseded(
    demo: subprocess.CompletedProcess[str],
) -> None:
    assert re.search(r"version 2 .* current\n", demo.stdout)
    assert re.search(r"version 1 .* temporal conflict\n", demo.stdout)


@pytest.mark.usefixtures("demo")
def test_the_demo_keeps_its_memory_where_it_is_told_and_refuses_to_mix_two(kept: Path) -> None:
    assert kept.is_file()
    again = run("demo.py", "--db", kept)
    assert again.returncode == 2
    assert "holds the demo's user already; give a new file" in " ".join(again.stdout.split())


@pytest.mark.parametrize("name", ["chat_loop.py", "chat_loop_async.py"])
def test_a_chat_remembers_in_the_next_session_what_was_said_in_the_one_before(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "chat.db"
    first = run(name, path, typed="I live in Porto.\nI work as a nurse.\n\n")
    assert first.returncode == 0, first.stderr
    assert first.stdout.count("assistant> You said") == 2
    assert "- User lives in Porto" in first.stdout
    second = run(name, path, typed="Where do I live?\n")
    assert second.returncode == 0, second.stderr
    assert words_of_prompt(second.stdout) > words_of_prompt(first.stdout)


@pytest.mark.parametrize("name", ["chat_loop.py", "chat_loop_async.py"])
def test_a_chat_loop_stays_short_enough_to_read(name: str) -> None:
    assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) < 60


def words_of_prompt(shown: str) -> int:
    found = re.search(r"my system prompt has (\d+) words", shown)
    assert found is not None
    return int(found[1])
