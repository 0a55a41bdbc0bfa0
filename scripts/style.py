"""Check the rules of docs/style.md that a program can check: `python scripts/style.py`.

Code: docstrings, names and comments. Pages: the length of lines. Commits: the form of a
subject, for those given by `--commits RANGE`. Prints each violation, and exits with 1 if there is
one.
"""

import argparse
import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "hitherto"

MAX_FIRST_LINE_WORDS = 16
MAX_PAGE_CHARS = 120
MAX_SUBJECT_CHARS = 65

READ_BY_MODELS = frozenset(
    {
        "ExploredAnswer",
        "FoundInSession",
        "FoundMemory",
        "Findings",
        "PlannedQuery",
        "Verdict",
        "Verdicts",
        "list_merge_conflicts",
        "problem",
    }
)
"""Classes and functions whose docstrings are part of a prompt; they change with the prompt."""

GENERATED = ("client/_sync.py", "client/_sync_session.py")
UNWRAPPED = ("docs/conformance.md", "docs/reference.md")
"""Pages that are generated, with long table rows between short paragraphs."""

POOR_STARTS = frozenset(
    [
        "the",
        "what",
        "whether",
        "that",
        "who",
        "whom",
        "whose",
        "whoever",
        "where",
        "when",
        "how",
        "all",
        "it",
        "its",
        "this",
        "there",
        "nothing",
        "nobody",
        "of",
        "as",
        "gives",
        "tells",
        "says",
        "puts",
        "takes",
        "one",
    ]
)
"""First words that begin a clause where the thing or the action belongs."""

POOR_WORDS = re.compile(
    r"\b(?:anew|beside|besides|whom|whomever|whoever|nobody|gone|told|tells|telling)\b",
    re.IGNORECASE,
)

POOR_NAMES = frozenset(
    [
        "one",
        "ones",
        "found",
        "place",
        "places",
        "known",
        "held",
        "told",
        "said",
        "gone",
        "each",
        "thing",
        "things",
        "stuff",
        "asked",
        "settled",
        "shown",
        "routed",
        "joined",
        "noted",
        "parted",
    ]
)
"""Names of variables and functions that say neither type nor role."""

SUBJECT = re.compile(r"[a-z][a-z0-9_/-]*: [a-z].*[^.]\Z")


def code_violations(path: Path) -> Iterator[str]:
    """Yield the violations of one module."""
    where = path.relative_to(ROOT).as_posix()
    text = path.read_text(encoding="utf-8")
    for line, why in _comment_violations(text):
        yield f"{where}:{line}: {why}"
    for node in ast.walk(ast.parse(text)):
        line = getattr(node, "lineno", 1)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (f"{where}:{line}: {why}" for why in _docstring_violations(node))
            yield from (f"{where}:{at}: {why}" for at, why in _constant_violations(node.body))
        if (name := _given_name(node)) in POOR_NAMES:
            yield f"{where}:{line}: the name {name!r} says neither type nor role"


def _given_name(node: ast.AST) -> str:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return node.name.lstrip("_")
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return node.id
    return node.arg if isinstance(node, ast.arg) else ""


def _docstring_violations(node: ast.AST) -> Iterator[str]:
    docstring = ast.get_docstring(node)  # type: ignore[arg-type]
    if not docstring or getattr(node, "name", "") in READ_BY_MODELS:
        return
    first = docstring.splitlines()[0]
    words = first.split()
    if words[0].lower() in POOR_STARTS:
        yield f"docstring begins with {words[0]!r}; begin with what is done or returned"
    if len(words) > MAX_FIRST_LINE_WORDS:
        yield f"first line of the docstring has {len(words)} words, at most {MAX_FIRST_LINE_WORDS}"
    if first[-1] not in ".:":
        yield "first line of the docstring is no whole sentence"
    for poor in _poor_words(docstring):
        yield f"docstring says {poor!r}"


def _constant_violations(body: Sequence[ast.stmt]) -> Iterator[tuple[int, str]]:
    """Yield the violations of docstrings behind assignments, each with its line."""
    for before, statement in pairwise(body):
        if (
            isinstance(before, ast.Assign | ast.AnnAssign)
            and isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Constant)
            and isinstance(statement.value.value, str)
        ):
            docstring = statement.value.value
            first = docstring.split()[0]
            if first.lower() in POOR_STARTS:
                yield statement.lineno, f"docstring begins with {first!r}; begin with the thing"
            for poor in _poor_words(docstring):
                yield statement.lineno, f"docstring says {poor!r}"


def _comment_violations(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            for poor in _poor_words(token.string):
                yield token.start[0], f"comment says {poor!r}"


def _poor_words(text: str) -> list[str]:
    return sorted({match[0].lower() for match in POOR_WORDS.finditer(text)})


def page_violations(path: Path) -> Iterator[str]:
    """Yield the lines of a page that are too long; tables, code and pictures may be longer."""
    where = path.relative_to(ROOT).as_posix()
    in_code = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            in_code = not in_code
        free = in_code or line.lstrip().startswith(("|", "![", "<", "["))
        if not free and len(line) > MAX_PAGE_CHARS:
            yield f"{where}:{number}: {len(line)} characters, at most {MAX_PAGE_CHARS}"


def subject_violations(subject: str) -> Iterator[str]:
    """Yield what is wrong with the subject of a commit."""
    if len(subject) > MAX_SUBJECT_CHARS:
        yield f"{len(subject)} characters, at most {MAX_SUBJECT_CHARS}: {subject}"
    if not SUBJECT.match(subject):
        yield f"not of the form `area: imperative`: {subject}"


def package_violations() -> Iterator[str]:
    """Yield the violations of every module that people write."""
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        if name not in GENERATED:
            yield from code_violations(path)


def pages() -> Iterator[Path]:
    """Yield the pages that people write."""
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]):
        if path.relative_to(ROOT).as_posix() not in UNWRAPPED:
            yield path


def main() -> None:
    """Print the violations."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--commits", metavar="RANGE", help="check the subjects of commits as well")
    parser.add_argument("--part", help="check one part of the package")
    options = parser.parse_args()
    if options.part:
        part = SOURCE / options.part
        chosen = [part] if part.suffix else sorted(part.rglob("*.py"))
        problems = [problem for path in chosen for problem in code_violations(path)]
    else:
        problems = [*package_violations()]
        problems += [problem for path in pages() for problem in page_violations(path)]
    if options.commits:
        subjects = subprocess.run(
            ["git", "log", "--format=%s", options.commits],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        ).stdout.splitlines()
        problems += [problem for subject in subjects for problem in subject_violations(subject)]
    print("\n".join(problems), end="\n" if problems else "")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
