"""Score which sentences of users are kept without a language model, and how pairs are related.

    python -m evals.statements_score [--files units_a.jsonl pairs_a.jsonl sets_s.jsonl ...] [--show]

Every sentence of the user's messages is a labelled unit: to be kept or not. A candidate says the
units of its evidence that have half of its words, or half of whose words it has; it is spurious if
there are none. found: units to be kept with a candidate, of all to be kept. false: units
not to be kept with a candidate, of all with a candidate, spurious candidates counted in. --show
prints units that were judged wrongly, for files outside of `kept_aside` only.

The shipped model was trained on all authors but `a` and those that are kept aside.
"""

import argparse
import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import Stemmer

from hitherto import Settings
from hitherto.core.extraction.extract import extract
from hitherto.core.reconciliation.learned_relations import CERTAIN, nearest, relate
from hitherto.core.reconciliation.statement_index import Item
from hitherto.core.statements.learned import RELATIONS, StatementPair
from hitherto.core.statements.reader import read
from hitherto.core.text.quotation import Quotation, quotation_of, words_to_embed
from hitherto.embedding import open_embedder
from hitherto.models import Candidate, Message, MessageRole
from hitherto.trained import statement_model

ROOT = Path(__file__).parent / "statements"
LEAST_SHARE = 0.5


@dataclass
class Tally:
    """Counts of units: to be kept, found among them, wrongly kept; and of spurious candidates."""

    wanted: int = 0
    found: int = 0
    wrong: int = 0
    spurious: int = 0

    def __str__(self) -> str:
        kept = self.found + self.wrong + self.spurious
        return (
            f"{self.wanted:5} to keep, found {_percent(self.found, self.wanted)}, "
            f"{kept:5} kept, false {_percent(self.wrong + self.spurious, kept)}"
        )


@dataclass
class Report:
    """Tallies of a file, by language, by slot of what is to be kept, by reason of what is not."""

    total: Tally = field(default_factory=Tally)
    by_language: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    by_slot: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    by_reason: Counter[str] = field(default_factory=Counter)
    mistakes: list[str] = field(default_factory=list)

    def add(self, conversation: dict[str, Any]) -> None:
        """Extract from a conversation and count its units."""
        units = conversation["units"]
        kept, spurious = kept_units(conversation)
        language = self.by_language[conversation["lang"]]
        for tally in (self.total, language):
            tally.spurious += spurious
        for number, unit in enumerate(units):
            tallies = [self.total, language]
            if unit["keep"]:
                tallies.append(self.by_slot[unit["slot"]])
            elif number in kept:
                self.by_reason[unit["reason"]] += 1
            for tally in tallies:
                tally.wanted += unit["keep"]
                tally.found += unit["keep"] and number in kept
                tally.wrong += not unit["keep"] and number in kept
            if unit["keep"] != (number in kept):
                self.mistakes.append(f"{'+' if unit['keep'] else '-'} {unit['text']}")


def kept_units(conversation: dict[str, Any]) -> tuple[set[int], int]:
    """Return the numbers of the units with a candidate, and how many candidates have no unit."""
    said_at = datetime.fromisoformat(conversation["date"]).replace(tzinfo=UTC)
    messages = [
        Message(MessageRole(message["role"]), message["text"], said_at)
        for message in conversation["messages"]
    ]
    kept: set[int] = set()
    spurious = 0
    for candidate in extract(messages, said_at, statement_model()):
        said = _units_of(candidate, conversation["units"])
        kept |= said
        spurious += not said
    return kept, spurious


def _units_of(candidate: Candidate, units: Sequence[dict[str, Any]]) -> set[int]:
    """Return the units that a candidate says; a joined one may say two."""
    quotation = quotation_of(candidate.content)
    own = _parts(candidate.content if quotation is None else quotation.words)
    found = set()
    for number, unit in enumerate(units):
        if unit["m"] in candidate.evidence:
            parts = _parts(unit["text"])
            shared = len(own & parts)
            enough = shared >= LEAST_SHARE * max(1, len(parts))
            if enough or (not found and shared >= LEAST_SHARE * max(1, len(own))):
                found.add(number)
    return found


def _parts(text: str) -> set[str]:
    """Return the stems of a text's words, and pairs of characters of scripts without spaces."""
    stemmer = Stemmer.Stemmer("english")
    words = re.findall(r"\w+", text.lower())
    spaced = {stemmer.stemWord(word) for word in words if word.isascii()}
    joined = "".join(word for word in words if not word.isascii())
    return spaced | {joined[index : index + 2] for index in range(len(joined) - 1)}


def score_pairs(path: Path) -> str:
    """Return how the relations of a file's pairs are recognised."""
    pairs = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    guessed = statement_model().relate(
        [StatementPair(pair["old"], pair["new"], "", pair["asked"]) for pair in pairs]
    )
    right = [RELATIONS.index(pair["relation"]) for pair in pairs]
    best = guessed.argmax(axis=1)
    changes = np.isin(right, [3, 4])
    called = guessed[:, 3] + guessed[:, 4] >= CERTAIN
    return (
        f"{path.stem}: {len(pairs)} pairs, right {_percent(int((best == right).sum()), len(pairs))}"
        f"; changed or ended: found {_percent(int((called & changes).sum()), int(changes.sum()))}, "
        f"false {_percent(int((called & ~changes).sum()), int(called.sum()))}"
    )


def score_sets(path: Path) -> str:
    """Return how changes are recognised among all statements of a user, as reconciliation does."""
    embedder = open_embedder(cache_dir=Settings().cache_dir)
    wanted = called = right = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        contents, vectors = [], []
        for side in ("old", "new"):
            quotations = [Quotation(said["text"], said["with"]) for said in item[side]]
            contents.append([quotation.content for quotation in quotations])
            vectors.append(embedder.embed([words_to_embed(content) for content in contents[-1]]))
        said_at = datetime.fromisoformat(item["old_date"]).replace(tzinfo=UTC)
        earlier = [
            Item(n, n, read(content), said_at, said_at, said_at, False, frozenset(), True)
            for n, content in enumerate(contents[0])
        ]
        links = {(old, new) for old, new, kind in item["links"] if kind in ("replaces", "ends")}
        wanted += len(links)
        for number, content in enumerate(contents[1]):
            near = nearest(vectors[1][number], vectors[0], earlier)
            changed = relate(read(content), near, statement_model()).changed
            called += len(changed)
            right += sum((found.order, number) in links for found in changed)
    return (
        f"{path.stem}: {wanted} changes or ends: found {_percent(right, wanted)}, "
        f"false {_percent(called - right, called)}"
    )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:5.1f} %" if whole else "    -  "


def main() -> None:
    """Score the files and print the tables."""
    parser = argparse.ArgumentParser(description="Score which sentences of users are kept")
    default = [ROOT / "units_a.jsonl", ROOT / "pairs_a.jsonl"]
    parser.add_argument("--files", type=Path, nargs="+", default=default)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    report = Report()
    for path in options.files:
        if path.stem.startswith(("pairs", "sets")):
            print((score_pairs if path.stem.startswith("pairs") else score_sets)(path))
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            report.add(json.loads(line))
    print("all       ", report.total)
    for language, tally in sorted(report.by_language.items()):
        print(f"{language:10}", tally)
    for slot, tally in sorted(report.by_slot.items(), key=lambda item: -item[1].wanted):
        print(f"{slot:18} {tally.wanted:5} to keep, found {_percent(tally.found, tally.wanted)}")
    print("kept, and not to be kept because of:", dict(report.by_reason.most_common()))
    if options.show and not any("kept_aside" in str(path) for path in options.files):
        print("\n".join(report.mistakes))


if __name__ == "__main__":
    main()
