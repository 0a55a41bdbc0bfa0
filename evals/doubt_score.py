"""Score what is put in doubt when something changes that other memories depended on.

    python evals/doubt_score.py [--set dev|held_out] [--show]

Each line of `doubt/dev.jsonl` is a memory (`old`), what took its place (`new`), and memories held
besides: those that whoever reads them would ask about again (`doubtful`), and those that hold
whatever changed (`certain`). The changes of `doubt/held_out.jsonl` belong to two lives: each change
meets all that is held of its life, what belongs to the other changes too; `open` are memories that
readers may judge either way, which count for nothing.

precision: doubtful among those that were marked; recall: marked among the doubtful.
"""

import argparse
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from recollect.core.doubt import Change, doubts
from recollect.models import MemoryVersion

ROOT = Path(__file__).parent / "doubt"
SAID_AT = datetime(2025, 1, 6, tzinfo=UTC)
CHANGED_AT = SAID_AT + timedelta(days=30)


@dataclass(frozen=True)
class Case:
    """A change, and the contents held when it comes: all of them, and how they are labelled."""

    old: str
    new: str
    held: tuple[str, ...]
    doubtful: frozenset[str]
    open: frozenset[str]

    @property
    def change(self) -> Change:
        """The change as the rules are told of it."""
        return Change(version(self.old), self.new, 0, CHANGED_AT)

    @property
    def versions(self) -> list[MemoryVersion]:
        """What is held besides the memory that changed; each has its content for an id."""
        return [version(content) for content in self.held]


@dataclass
class Score:
    """Counts over all cases, and what was marked wrongly or missed."""

    cases: int = 0
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

    def count(self, case: Case, marked: frozenset[str]) -> None:
        """Compare what was marked in a case with its labels."""
        found = marked - case.open
        self.cases += 1
        self.marked += len(found)
        self.right += len(found & case.doubtful)
        self.doubtful += len(case.doubtful)
        self.certain += len(frozenset(case.held) - case.doubtful - case.open)
        self.shown += [f"wrong: {case.new}: {one}" for one in sorted(found - case.doubtful)]
        self.shown += [f"missed: {case.new}: {one}" for one in sorted(case.doubtful - found)]


def read(part: str = "dev") -> list[Case]:
    """The cases of a part of the set, dev or held_out."""
    lines = (ROOT / f"{part}.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    lives: dict[Any, dict[str, None]] = {}
    for number, entry in enumerate(entries):
        contents = lives.setdefault(entry.get("life", number), {})
        own = [entry["old"]] if "life" in entry else []
        for content in (*own, *entry["doubtful"], *entry["certain"], *entry.get("open", ())):
            contents[content] = None
    return [
        Case(
            entry["old"],
            entry["new"],
            tuple(one for one in lives[entry.get("life", number)] if one != entry["old"]),
            frozenset(entry["doubtful"]),
            frozenset(entry.get("open", ())),
        )
        for number, entry in enumerate(entries)
    ]


def version(content: str) -> MemoryVersion:
    """A memory with this content, which is its id too."""
    return MemoryVersion(content, "session", content, SAID_AT, SAID_AT, SAID_AT)


def marked_by_rules(case: Case) -> frozenset[str]:
    """The contents that the rules put in doubt."""
    found = doubts([case.change], case.versions, {}, frozenset())
    return frozenset(doubt.memory_id for doubt in found)


def score(part: str = "dev") -> Score:
    """Compare what the rules mark with the labels."""
    result = Score()
    for case in read(part):
        result.count(case, marked_by_rules(case))
    return result


def main() -> None:
    """Print precision and recall."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--set", choices=("dev", "held_out"), default="dev", dest="part")
    parser.add_argument("--show", action="store_true", help="print what is wrong and what missed")
    options = parser.parse_args()
    result = score(options.part)
    print(
        f"{result.cases} changes: doubtful {result.doubtful}, certain {result.certain},"
        f" marked {result.marked}"
    )
    print(f"precision {result.precision:.1%}, recall {result.recall:.1%}")
    if options.show:
        print("\n".join(result.shown))


if __name__ == "__main__":
    main()
