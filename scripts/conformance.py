"""Makes docs/conformance.md: `python scripts/conformance.py [REPORT | --check]`.

Runs the conformance suite and writes which checks hold and through which clients; with a report
that `pytest tests/conformance --conformance-report REPORT` has written, from that. With --check
nothing is run: it fails if a check has no test and no reason, or if the page is not about the
checks as they are now.
"""

import ast
import json
import re
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SUITE = ROOT / "tests" / "conformance"
PAGE = ROOT / "docs" / "conformance.md"

COLUMNS: dict[str, tuple[str, ...]] = {
    "py sync": ("py-sync",),
    "py async": ("py-async",),
    "node wire": ("node",),
    "raw": ("raw",),
    "ours remote": ("ours-sync", "ours-async"),
    "ours embedded": ("embedded",),
}
"""The page's columns, and the suite's drivers that each is about."""

HOLDS, FAILS, NOT_RUN = "✓", "✗", ""
FAILS_STATE, NOT_RUN_STATE = "fails", "not run"

INTRODUCTION = """\
# Conformance

<!-- Made by scripts/conformance.py from a run of tests/conformance; never edited. -->

Hitherto speaks the public RecallrAI contract. Its checklist has {total} lines:

- {held} hold,
- {overruled} decided otherwise on purpose,
- {missing} not there yet,
- {failing} at fault.

Each line is at least one test, run against the real server on a real port and, where it makes
sense, against a file:

- *py sync*, *py async*: the released client `recallrai` 0.6.6, with only its base URL changed;
- *node wire*: a test client that imitates the released Node client 0.6.6: its headers, bodies,
  escaping of paths and queries, and decoding of streams. The Node client itself is not run; the
  order of query parameters may differ;
- *raw*: plain HTTP;
- *ours remote*, *ours embedded*: this project's own client, over HTTP (sync and async) and on a
  file.

An empty cell is a way in that the line is not about. To see for yourself, run
`python scripts/conformance.py`.

Of the released Python clients 0.5.4 to 0.6.6 work. 0.3.2 to 0.5.2 fail with
`KeyError: 'user_id'`: they read a field that the contract has renamed since. 0.1 and 0.2 send the
key in other headers and are answered with 401.

## Ours on purpose

{ours}
"""

Outcomes = Mapping[str, Mapping[str, str]]
"""For each number, as text, and each of its drivers: passed, failed or skipped."""


def known() -> Any:
    """The names of the suite's checks.py."""
    return runpy.run_path(str(SUITE / "checks.py"))


def tested() -> set[int]:
    """The numbers that tests are marked with."""
    numbers: set[int] = set()
    for path in SUITE.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "check"
            ):
                numbers |= {ast.literal_eval(argument) for argument in node.args}
    return numbers


def page(outcomes: Outcomes) -> str:
    """The page that these outcomes make."""
    checks = known()
    sections, overruled, not_yet = checks["SECTIONS"], checks["OVERRULED"], checks["NOT_YET"]
    states = {number: state(number, outcomes, checks) for number in checks["CHECKS"]}
    lines = [
        INTRODUCTION.format(
            total=len(states),
            held=sum(one.startswith("holds") for one in states.values()),
            overruled=_counted(len(overruled)),
            missing=_counted(len(not_yet)),
            failing=_counted(sum(one in (FAILS_STATE, NOT_RUN_STATE) for one in states.values())),
            ours=_ours(overruled | checks["OVERRULED_IN_PART"]),
        )
    ]
    for number, text in checks["CHECKS"].items():
        if number in sections:
            lines += [f"\n## {sections[number]}\n" if number > 1 else f"## {sections[number]}\n"]
            lines += [f"| # | what is checked | {' | '.join(COLUMNS)} | state |"]
            lines += [f"|{'---|' * (len(COLUMNS) + 3)}"]
        cells = " | ".join(cell(outcomes.get(str(number), {}), column) for column in COLUMNS)
        lines += [f"| {number} | {text} | {cells} | {states[number]} |"]
    return "\n".join(lines) + "\n"


def _ours(reasons: Mapping[int, str]) -> str:
    """A list of what is decided otherwise, in whole or in part, by the number of its line."""
    return "\n".join(f"- line {number}: {reasons[number]}" for number in sorted(reasons))


def _counted(number: int) -> str:
    return f"{number} is" if number == 1 else f"{number} are"


def cell(drivers: Mapping[str, str], column: str) -> str:
    """What a check's cell says: it holds when it holds through every driver of the column."""
    ended = [
        drivers[name] for name in COLUMNS[column] if drivers.get(name) not in (None, "skipped")
    ]
    if not ended:
        return NOT_RUN
    return FAILS if "failed" in ended else HOLDS


def state(number: int, outcomes: Outcomes, checks: Any) -> str:
    """What is to be said of a check as a whole."""
    if number in checks["OVERRULED"]:
        return f"overruled: {checks['OVERRULED'][number]}"
    if number in checks["NOT_YET"]:
        return f"not yet: {checks['NOT_YET'][number]}"
    cells = {cell(outcomes.get(str(number), {}), column) for column in COLUMNS}
    if FAILS in cells:
        return FAILS_STATE
    if HOLDS not in cells:
        return NOT_RUN_STATE
    part = checks["OVERRULED_IN_PART"].get(number)
    return "holds" if part is None else f"holds; overruled in part: {part}"


def read_back(text: str) -> Outcomes:
    """The outcomes that a page shows."""
    outcomes: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        row = [part.strip() for part in line.strip("|").split(" | ")]
        if not re.match(r"\| \d+ \|", line) or len(row) != len(COLUMNS) + 3:
            continue
        for column, shown in zip(COLUMNS, row[2:-1], strict=True):
            if shown != NOT_RUN:
                ended = "passed" if shown == HOLDS else "failed"
                outcomes.setdefault(row[0], {}).update(dict.fromkeys(COLUMNS[column], ended))
    return outcomes


def run() -> Outcomes:
    """Run the suite; failed tests are in the outcomes. Raises SystemExit if it cannot be run."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pytest", str(SUITE), "-q", "-n", "4"]
        subprocess.run([*command, "--conformance-report", str(report)], cwd=ROOT, check=False)
        if not report.exists():
            raise SystemExit("the suite has written no report; see above")
        outcomes: Outcomes = json.loads(report.read_text(encoding="utf-8"))
        return outcomes


def check() -> None:
    """Raises SystemExit for a number without a test or a reason, and for a page not fresh."""
    checks = known()
    excused = set(checks["OVERRULED"]) | set(checks["NOT_YET"])
    bare = sorted(set(checks["CHECKS"]) - tested() - excused)
    if bare:
        raise SystemExit(f"checks without a test: {bare}; write one, or say why not in checks.py")
    shown = PAGE.read_text(encoding="utf-8")
    outcomes = read_back(shown)
    unseen = sorted(set(checks["CHECKS"]) - {int(number) for number in outcomes} - excused)
    if unseen or shown != page(outcomes):
        raise SystemExit(f"{PAGE.name} is not fresh: run python scripts/conformance.py")


def main() -> None:
    """Write the page, or with --check look at it."""
    given = sys.argv[1:]
    if given == ["--check"]:
        check()
        return
    outcomes = json.loads(Path(given[0]).read_text(encoding="utf-8")) if given else run()
    made = page(outcomes)
    PAGE.write_text(made, encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {made.count('| holds')} of {len(known()['CHECKS'])} hold")
    failing = re.findall(r"^\| (\d+) .*\| (?:fails|not run) \|$", made, re.MULTILINE)
    if failing:
        raise SystemExit(f"these do not: {', '.join(failing)}")


if __name__ == "__main__":
    main()
