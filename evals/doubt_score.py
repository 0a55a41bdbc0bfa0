"""Score the rules that put memories in doubt when what they depended on changes.

    python evals/doubt_score.py [--show]

Each line of `doubt/cases.jsonl` is a memory (`old`), what took its place (`new`), and memories held
besides: those that whoever reads them would ask about again (`doubtful`), and those that hold
whatever changed (`certain`). precision: doubtful among those that were marked; recall: marked among
the doubtful.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from recollect.core.doubt import Change, doubts
from recollect.models import MemoryVersion

CASES = Path(__file__).parent / "doubt" / "cases.jsonl"
SAID_AT = datetime(2025, 1, 6, tzinfo=UTC)
CHANGED_AT = SAID_AT + timedelta(days=30)


@dataclass
class Score:
    """Counts over all cases, and what was marked wrongly or missed."""

    marked: int = 0
    right: int = 0
    doubtful: int = 0
    certain: int = 0
    shown: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """Doubtful among the marked."""
        return self.right / self.marked

    @property
    def recall(self) -> float:
        """Marked among the doubtful."""
        return self.right / self.doubtful


def read() -> Iterator[dict[str, Any]]:
    """The cases."""
    for line in CASES.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def marked(case: dict[str, Any]) -> set[str]:
    """The contents that a change puts in doubt."""
    held = [_version(content) for content in [*case["doubtful"], *case["certain"]]]
    change = Change(_version(case["old"]), case["new"], 0, CHANGED_AT)
    found = doubts([change], held, {}, frozenset())
    return {doubt.memory_id for doubt in found}


def _version(content: str) -> MemoryVersion:
    return MemoryVersion(content, "session", content, SAID_AT, SAID_AT, SAID_AT)


def score() -> Score:
    """Compare what is marked with the labels."""
    result = Score()
    for case in read():
        found, wanted = marked(case), set(case["doubtful"])
        result.marked += len(found)
        result.right += len(found & wanted)
        result.doubtful += len(wanted)
        result.certain += len(case["certain"])
        result.shown += [f"wrong: {case['new']}: {one}" for one in sorted(found - wanted)]
        result.shown += [f"missed: {case['new']}: {one}" for one in sorted(wanted - found)]
    return result


def main() -> None:
    """Print precision and recall."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--show", action="store_true", help="print what is wrong and what missed")
    options = parser.parse_args()
    result = score()
    print(f"doubtful {result.doubtful}, certain {result.certain}, marked {result.marked}")
    print(f"precision {result.precision:.1%}, recall {result.recall:.1%}")
    if options.show:
        print("\n".join(result.shown))


if __name__ == "__main__":
    main()
