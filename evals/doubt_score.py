"""Score what is put in doubt when something changes that other memories depended on.

    python evals/doubt_score.py [--set dev|held_out] [--show]
    python evals/doubt_score.py --set held_out --prompts DIRECTORY
    python evals/doubt_score.py --set held_out --answers DIRECTORY

Each line of `doubt/dev.jsonl` is a memory (`old`), what took its place (`new`), and memories held
besides: those that whoever reads them would ask about again (`doubtful`), and those that hold
whatever changed (`certain`). The changes of `doubt/held_out.jsonl` belong to two lives: each change
meets all that is held of its life, what belongs to the other changes too; `open` are memories that
readers may judge either way, which count for nothing.

precision: doubtful among those that were marked; recall: marked among the doubtful.

--prompts writes what a language model is asked to review, a file for each change: the prompt and
what it is told, chosen with the local embedder as in processing. --answers scores what it answered:
`01.json` and so on, of the form that the review asks for.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hitherto.core.reconciliation.connections import Entry, connect
from hitherto.core.reconciliation.doubt import Change, Consequences, doubts
from hitherto.core.reconciliation.reconcile import ExistingMemory
from hitherto.core.statements.reader import read as read_statement
from hitherto.embedding import Embedder, open_embedder
from hitherto.inference.tasks import review
from hitherto.models import MemoryVersion
from hitherto.prompts import task_prompt
from hitherto.settings import Settings

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


def consequences(case: Case) -> Consequences:
    """What a change comes with when it is reviewed."""
    found = doubts([case.change], case.versions, {}, frozenset())
    return Consequences((case.change,), tuple(found))


def sheet(case: Case, embedder: Embedder) -> review.ReviewInput:
    """What a model is shown of a case."""
    versions = [case.change.old, *case.versions]
    vectors = embedder.embed([one.content for one in versions])
    entries = [
        Entry(one.content, row, read_statement(one.content), is_new=True)
        for row, one in enumerate(versions)
    ]
    pairs = connect(entries, vectors, ())
    connected = {str(one) for pair in pairs if case.old in pair for one in pair} - {case.old}
    held = [ExistingMemory(one, vector) for one, vector in zip(versions, vectors, strict=True)]
    return review.review_input(consequences(case), held, connected)


def prompt_of(shown: review.ReviewInput) -> str:
    """All that a model is told: the prompt, then the changes and memories."""
    return f"{task_prompt('review').text}\n\n{review.content(shown)}\n"


def marked_by_answer(case: Case, shown: review.ReviewInput, answer: str) -> frozenset[str]:
    """The contents in doubt after a review with this answer."""
    found = review.Findings.model_validate_json(answer)
    reviewed = review.read(found, shown, consequences(case))
    return frozenset(doubt.memory_id for doubt in reviewed.doubts)


def score(part: str = "dev", marked: Callable[[int, Case], frozenset[str]] | None = None) -> Score:
    """Compare what is marked with the labels. marked: of each case; by the rules if left out."""
    result = Score()
    for number, case in enumerate(read(part), start=1):
        found = marked_by_rules(case) if marked is None else marked(number, case)
        result.count(case, found)
    return result


def _embedder() -> Embedder:
    settings = Settings()
    return open_embedder(
        weights_dir=settings.weights_dir,
        cache_dir=settings.cache_dir,
        allow_network=settings.allow_network,
    )


def _write_prompts(part: str, directory: Path) -> None:
    embedder = _embedder()
    found = asked = 0
    directory.mkdir(parents=True, exist_ok=True)
    for number, case in enumerate(read(part), start=1):
        shown = sheet(case, embedder)
        text = prompt_of(shown)
        (directory / f"{number:02}.txt").write_text(text, encoding="utf-8")
        found += len(case.doubtful & {one.content for one in shown.memories})
        asked += len(case.doubtful)
        print(f"{number:02}: {len(case.held)} held, {len(shown.memories)} shown, {len(text)} chars")
    print(f"{found} of {asked} doubtful memories are shown")


def main() -> None:
    """Print precision and recall."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--set", choices=("dev", "held_out"), default="dev", dest="part")
    parser.add_argument("--show", action="store_true", help="print what is wrong and what missed")
    parser.add_argument("--prompts", type=Path, help="write what a model is asked, score nothing")
    parser.add_argument("--answers", type=Path, help="score a model's answers")
    options = parser.parse_args()
    if options.prompts:
        _write_prompts(options.part, options.prompts)
        return
    marked = None
    if options.answers:
        embedder = _embedder()

        def marked(number: int, case: Case) -> frozenset[str]:
            answer = (options.answers / f"{number:02}.json").read_text(encoding="utf-8")
            return marked_by_answer(case, sheet(case, embedder), answer)

    result = score(options.part, marked)
    print(
        f"{result.cases} changes: doubtful {result.doubtful}, certain {result.certain},"
        f" marked {result.marked}"
    )
    print(f"precision {result.precision:.1%}, recall {result.recall:.1%}")
    if options.show:
        print("\n".join(result.shown))


if __name__ == "__main__":
    main()
