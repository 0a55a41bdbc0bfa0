"""Score which sentences of users the model-free extraction keeps.

    python -m evals.statements_score [--files units_a.jsonl ...] [--show]

Every sentence of the user's messages is a labelled unit: to be kept or not. A candidate belongs to
the unit of its evidence that has most of the candidate's content words, at least half of them; it
is spurious if none has. found: units to be kept with a candidate, of all to be kept. false: units
not to be kept with a candidate, of all with a candidate, spurious candidates counted in. --show
prints units that were judged wrongly, for files outside of `kept_aside` only.
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import Stemmer
from evals.extraction_score import content_words

from hitherto.core.extraction.extract import extract
from hitherto.models import Candidate, Message, MessageRole

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
    stemmer = Stemmer.Stemmer("english")
    owners = [
        _unit_of(candidate, conversation["units"], stemmer)
        for candidate in extract(messages, said_at)
    ]
    return {owner for owner in owners if owner is not None}, owners.count(None)


def _unit_of(candidate: Candidate, units: Sequence[dict[str, Any]], stemmer: Any) -> int | None:
    words = content_words(candidate.content, stemmer)
    shares = [
        len(words & content_words(unit["text"], stemmer)) / max(1, len(words))
        if unit["m"] in candidate.evidence
        else 0.0
        for unit in units
    ]
    best = max(shares, default=0.0)
    return shares.index(best) if best >= LEAST_SHARE else None


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:5.1f} %" if whole else "    -  "


def main() -> None:
    """Score the files and print the tables."""
    parser = argparse.ArgumentParser(description="Score which sentences of users are kept")
    parser.add_argument("--files", type=Path, nargs="+", default=sorted(ROOT.glob("units_*.jsonl")))
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    report = Report()
    for path in options.files:
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
