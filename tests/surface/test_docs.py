"""The documentation is true: its code runs, prints what it shows, and its links lead somewhere."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hitherto import Hitherto
from hitherto.prompts import task_prompt

ROOT = Path(__file__).parents[2]
RUNNABLE = ["README.md", "docs/tutorial.md", "docs/how-to.md"]
PAGES = sorted(
    path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def blocks(page: str) -> list[tuple[str, str]]:
    """Kind and content of the fenced blocks of a page."""
    return BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))


def as_shown(shown: str) -> re.Pattern[str]:
    """Matches what a page shows; a line of three dots stands for any lines."""
    lines = ("(?:.*\n)*?" if line == "..." else f"{re.escape(line)}\n" for line in lines_of(shown))
    return re.compile("".join(lines))


def lines_of(text: str) -> list[str]:
    """The lines of a text without the empty ones at its end."""
    return text.rstrip().split("\n")


def run(blocks_of_page: list[tuple[str, str]], page: str) -> None:
    """Run the Python blocks in order; a text block right behind one is what it prints."""
    # A module of its own name, so that dataclasses and the like defined on the page work.
    names: dict[str, Any] = {"__name__": "page"}
    try:
        for index, (kind, content) in enumerate(blocks_of_page):
            if kind != "python":
                continue
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(content, f"{page}, block {index + 1}", "exec"), names)
            following = blocks_of_page[index + 1 : index + 2]
            if following and following[0][0] == "text":
                text = "\n".join(lines_of(printed.getvalue())) + "\n"
                assert as_shown(following[0][1]).fullmatch(text), text
    finally:
        for value in names.values():
            if isinstance(value, Hitherto):
                value.close()


@pytest.mark.parametrize("page", RUNNABLE)
def test_the_code_of_a_page_runs_and_prints_what_the_page_shows(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = blocks(page)
    assert any(kind == "python" for kind, _ in found)
    run(found, page)


def test_a_page_that_shows_something_else_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        run([("python", "print('one')\n"), ("text", "two\n")], "none")
    run([("python", "print('one\\ntwo\\nthree')\n"), ("text", "one\n...\nthree\n")], "none")


@pytest.mark.parametrize("page", PAGES)
def test_the_links_of_a_page_lead_to_files_and_headings_that_are_there(page: str) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in LINK.findall(text):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        assert path.exists(), f"{page} links to {target}"
        if heading:
            assert heading in headings(path), f"{page} links to {target}"


def headings(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in found}


def test_every_page_can_be_reached_from_the_map() -> None:
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    linked = {(ROOT / "docs" / target.partition("#")[0]).resolve() for target in LINK.findall(text)}
    pages = {path.resolve() for path in (ROOT / "docs").rglob("*.md")} - {
        (ROOT / "docs" / "index.md").resolve()
    }
    assert pages - linked == set()


def test_the_reference_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "reference.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_code_of_the_readme_is_short_enough_to_read() -> None:
    first = next(content for kind, content in blocks("README.md") if kind == "python")
    assert len(first.splitlines()) <= 25


def test_the_page_of_models_tells_how_each_prompt_of_today_was_evaluated() -> None:
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| `([0-9a-f]+)` \| [^|]+ \|$", page, re.MULTILINE))
    files = (ROOT / "src" / "hitherto" / "prompts").glob("*.md")
    tasks = {file.stem for file in files} - {"structured", "agentic"}
    assert told == {task: task_prompt(task).hash for task in tasks}
