"""Score the model-free extraction against labelled conversations.

    python evals/extraction_score.py [--set dev|held_out|all] [--json] [--show]

A predicted statement and a labelled one match when the F1 of their content words is at least 0.6
and both are negated or both are not. Content words are the lower-case words and numbers of the
statement, stemmed (Snowball English), each counted once, without function words (articles,
prepositions, pronouns, auxiliaries, "user"), without the words of dates (months, weekdays, years,
day numbers next to a month, "week of"), and without "named"/"called"; number words up to twelve
are digits. Negated is a statement with one of: not, never, no, n't, cannot, anymore, longer.
Pairs are matched one to one, the best F1 first, within a conversation.

precision: matched / predicted; recall: matched / labelled; dates: share of the matched whose first
and last day are both exactly the labelled ones; evidence: share of the predicted source positions
of the matched that are labelled for it. Kinds are known for labels alone, so the table by kind has
no precision. --show prints what did not match, for the dev set only.
"""

import argparse
import json
import re
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import Stemmer

from hitherto.core.extraction.extract import extract
from hitherto.models import Candidate, Message, MessageRole
from hitherto.trained import statement_model

ROOT = Path(__file__).parent / "extraction"
THRESHOLD = 0.6
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_DATES = re.compile(
    rf"(?:\d{{1,2}}(?:st|nd|rd|th)? )?(?:to \d{{1,2}} )?(?:{_MONTHS})\b"
    r"(?: \d{1,2}(?!\d))?(?:,? \d{4})?"
    r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b,?|\b(?:19|20)\d{2}\b|\bthe week(?:end)? of\b"
    r"|shortly before|\bas of\b",
)
_STOP = frozenset(
    [
        "a",
        "an",
        "the",
        "and",
        "or",
        "but",
        "so",
        "of",
        "to",
        "in",
        "on",
        "at",
        "for",
        "with",
        "from",
        "by",
        "about",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "am",
        "has",
        "have",
        "had",
        "do",
        "does",
        "did",
        "will",
        "would",
        "user",
        "users",
        "user's",
        "their",
        "they",
        "them",
        "theirs",
        "themselves",
        "it",
        "its",
        "he",
        "she",
        "him",
        "her",
        "his",
        "that",
        "this",
        "these",
        "those",
        "there",
        "who",
        "which",
        "as",
        "than",
        "then",
        "s",
        "named",
        "called",
        "name",
        "also",
        "just",
        "own",
        "one",
        "ones",
        "others",
        "other",
        "too",
        "very",
        "really",
        "not",
        "n't",
        "never",
        "no",
        "cannot",
        "can't",
        "can",
        "got",
        "anymore",
        "longer",
        "because",
        "since",
        "into",
        "out",
        "up",
    ]
)
_NEGATIONS = re.compile(r"\b(?:not|never|no|cannot|anymore|longer|\w+n't)\b")
_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
         "twelve"], 1)
}  # fmt: skip


@dataclass
class Tally:
    """Counts over one conversation, one kind, or everything."""

    predicted: int = 0
    labelled: int = 0
    matched: int = 0
    dates_right: int = 0
    evidence: int = 0
    evidence_right: int = 0
    missed: list[str] = field(default_factory=list)
    spurious: list[str] = field(default_factory=list)
    wrong_dates: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Count another tally in."""
        for name in (
            "predicted", "labelled", "matched", "dates_right", "evidence", "evidence_right",
        ):  # fmt: skip
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def figures(self) -> dict[str, float]:
        """The shares that are reported, 0 where there is nothing to divide by."""
        precision, recall = (
            _share(self.matched, self.predicted),
            _share(self.matched, self.labelled),
        )
        return {
            "predicted": self.predicted,
            "labelled": self.labelled,
            "matched": self.matched,
            "precision": precision,
            "recall": recall,
            "f1": _share(2 * precision * recall, precision + recall),
            "dates": _share(self.dates_right, self.matched),
            "evidence": _share(self.evidence_right, self.evidence),
        }


def _share(part: float, whole: float) -> float:
    return round(part / whole, 3) if whole else 0.0


def content_words(text: str, stemmer: Any) -> frozenset[str]:
    """The stemmed words of a statement that carry its content."""
    low = _DATES.sub(" ", text.lower().replace("’", "'"))
    words = re.findall(r"[^\W_]+(?:[.,]\d+)*", low.replace("'s", " "))
    kept = [_NUMBERS.get(word, word) for word in words if word not in _STOP]
    return frozenset(stemmer.stemWords(kept))


def similarity(one: str, two: str, stemmer: Any) -> float:
    """F1 of the content words; 0 where one is negated and the other is not."""
    if bool(_NEGATIONS.search(one.lower())) != bool(_NEGATIONS.search(two.lower())):
        return 0.0
    words_one, words_two = content_words(one, stemmer), content_words(two, stemmer)
    if not words_one or not words_two:
        return 0.0
    return 2 * len(words_one & words_two) / (len(words_one) + len(words_two))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def score_conversation(
    conversation: dict[str, Any], stemmer: Any, kinds: dict[str, Tally]
) -> tuple[Tally, float]:
    """Extract from one conversation and match; the time is that of the extraction alone, in s."""
    at = _instant(conversation["session_date"])
    messages = [
        Message(MessageRole(entry["role"]), entry["content"], at)
        for entry in conversation["messages"]
    ]
    begin = time.perf_counter()
    predicted = extract(messages, at, statement_model())
    elapsed_s = time.perf_counter() - begin
    labels = conversation["statements"]
    pairs = sorted(
        (
            (similarity(candidate.content, label["content"], stemmer), left, right)
            for left, candidate in enumerate(predicted)
            for right, label in enumerate(labels)
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    tally = Tally(predicted=len(predicted), labelled=len(labels))
    left_used: set[int] = set()
    right_used: set[int] = set()
    for value, left, right in pairs:
        if value < THRESHOLD or left in left_used or right in right_used:
            continue
        left_used.add(left)
        right_used.add(right)
        _count_match(predicted[left], labels[right], tally, kinds)
    tally.missed = [
        label["content"] for right, label in enumerate(labels) if right not in right_used
    ]
    tally.spurious = [
        candidate.content for left, candidate in enumerate(predicted) if left not in left_used
    ]
    for label in labels:
        kinds.setdefault(label["kind"], Tally()).labelled += 1
    return tally, elapsed_s


def _count_match(
    candidate: Candidate, label: dict[str, Any], tally: Tally, kinds: dict[str, Tally]
) -> None:
    days = [candidate.event_date_start.date(), candidate.event_date_end.date()]
    right = [str(day) for day in days] == [label["event_date_start"], label["event_date_end"]]
    kind = kinds.setdefault(label["kind"], Tally())
    for counted in (tally, kind):
        counted.matched += 1
        counted.dates_right += right
        counted.evidence += len(candidate.evidence)
        counted.evidence_right += len(set(candidate.evidence) & set(label["evidence"]))
    if not right:
        tally.wrong_dates.append(
            f"{candidate.content} [{days[0]}..{days[1]}] labelled"
            f" [{label['event_date_start']}..{label['event_date_end']}]"
        )


def _print_table(title: str, rows: dict[str, Tally], columns: list[str]) -> None:
    width = max([len(name) for name in rows] + [len(title)])
    print(f"{title:<{width}}  " + "  ".join(f"{name:>9}" for name in columns))
    for name, tally in rows.items():
        figures = tally.figures()
        cells = (
            f"{figures[column]:>9.3f}"
            if isinstance(figures[column], float)
            else f"{figures[column]:>9}"
            for column in columns
        )
        print(f"{name:<{width}}  " + "  ".join(cells))


def _print_unmatched(rows: dict[str, Tally]) -> None:
    for name, tally in rows.items():
        print(f"\n## {name}")
        for mark, texts in (("-", tally.missed), ("+", tally.spurious), ("d", tally.wrong_dates)):
            for text in texts:
                print(f"  {mark} {text}")


def main() -> None:
    """Score the chosen set and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--set", choices=["dev", "held_out", "all"], default="dev", dest="which")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--show", action="store_true", help="what did not match (dev only)")
    options = parser.parse_args()
    sets = ["dev", "held_out"] if options.which == "all" else [options.which]
    stemmer = Stemmer.Stemmer("english")
    rows: dict[str, Tally] = {}
    kinds: dict[str, Tally] = {}
    total = Tally()
    elapsed_s, user_messages = 0.0, 0
    for path in (path for name in sets for path in sorted((ROOT / name).glob("*.json"))):
        conversation = json.loads(path.read_text(encoding="utf-8"))
        tally, taken_s = score_conversation(conversation, stemmer, kinds)
        rows[f"{path.parent.name}/{path.stem}"] = tally
        total.add(tally)
        elapsed_s += taken_s
        user_messages += sum(entry["role"] == "user" for entry in conversation["messages"])
    rows["all"] = total
    if options.json:
        report = {
            "conversations": {name: tally.figures() for name, tally in rows.items()},
            "kinds": {name: tally.figures() for name, tally in sorted(kinds.items())},
            "extraction_s": round(elapsed_s, 4),
            "user_messages": user_messages,
        }
        print(json.dumps(report, indent=2))
        return
    _print_table(
        "conversation", rows,
        ["predicted", "labelled", "matched", "precision", "recall", "f1", "dates", "evidence"],
    )  # fmt: skip
    print()
    _print_table("kind", dict(sorted(kinds.items())), ["labelled", "matched", "recall", "dates"])
    print(f"\nextraction: {elapsed_s:.3f} s for {user_messages} user messages")
    if options.show:
        _print_unmatched({name: row for name, row in rows.items() if name.startswith("dev/")})


if __name__ == "__main__":
    main()
