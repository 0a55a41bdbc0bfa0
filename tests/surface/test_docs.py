"""The code of the documentation runs and prints what a page shows, and links lead somewhere."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.surface.pages import LINK, PAGES, ROOT, blocks, prose, table

from hitherto import Hitherto
from hitherto.prompts import task_prompt

RUNNABLE = ["README.md", "docs/tutorial.md", "docs/how-to.md", "docs/extraction-rules.md"]


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
    found = blocks(ROOT / page)
    assert any(kind == "python" for kind, _ in found)
    run(found, page)


def test_a_page_that_shows_something_else_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        run([("python", "print('one')\n"), ("text", "two\n")], "none")
    run([("python", "print('one\\ntwo\\nthree')\n"), ("text", "one\n...\nthree\n")], "none")


def test_links_lead_to_files_and_headings_that_exist() -> None:
    broken = []
    for page in PAGES:
        for target in LINK.findall(prose(page)):
            if "://" in target:
                continue
            name, _, heading = target.partition("#")
            path = page.parent / name if name else page
            if not path.exists() or (heading and heading not in headings(path)):
                broken.append(f"{page.relative_to(ROOT)} links to {target}")
    assert broken == []


def headings(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in found}


def test_every_page_can_be_reached_from_the_map() -> None:
    text = prose(ROOT / "docs" / "index.md")
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
    first = next(content for kind, content in blocks(ROOT / "README.md") if kind == "python")
    assert len(first.splitlines()) <= 25


def test_the_measurements_say_how_each_prompt_was_evaluated() -> None:
    page = ROOT / "docs" / "measurements" / "models.md"
    evaluated = {
        prompt: hash_
        for prompt, hash_, how in (row for row in table(prose(page)) if len(row) == 3)
        if how and re.fullmatch("`[0-9a-f]{12}`", hash_)
    }
    files = (ROOT / "src" / "hitherto" / "prompts").glob("*.md")
    tasks = {file.stem for file in files} - {"structured", "agentic"}
    assert evaluated == {f"`{task}`": f"`{task_prompt(task).hash}`" for task in tasks}
