"""Train the classifier of provenance, or measure it on authors that it was not trained on.

    python -m evals.provenance_train            write the weights into the package
    python -m evals.provenance_train --check    train, and compare with the weights in the package
    python -m evals.provenance_train --cv       train on all authors but one, test on that one
    python -m evals.provenance_train --ablate   the same, each time without a kind of features

Takes some ten seconds for each training, with `OPENBLAS_NUM_THREADS=1`. The same data give the
same weights up to rounding.
"""

import argparse
import hashlib
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from evals.logistic import Floats, Rows, fit
from evals.provenance_data import Entry, Labelled, labelled
from evals.trained_hashes import record
from numpy.typing import NDArray

from evals import provenance_data
from hitherto import trained as trained_package
from hitherto.core.safety.classifier import (
    DENSE_FEATURES,
    SEGMENT_SLOTS,
    STATEMENT_SLOTS,
    ScoredMessage,
    dense_features,
    feature_slots,
)
from hitherto.core.safety.features import Likenesses, describe_statement
from hitherto.core.safety.provenance import FOREIGN, LOW_TRUST
from hitherto.trained import PROVENANCE_FILE

SEGMENT_STRENGTH = 10.0
STATEMENT_STRENGTH = 5.0
STATEMENT_SCALE = 3.0
"""Length of the row of a statement's words beside its numbers."""
FOLDS = 5
TRAINED = Path(trained_package.__file__).parent
MAX_DIFFERENCE = 0.02
"""Of a weight, between two machines; float16 rounds the largest ones to 0.004."""
AUTHORS = ("a", "b", "c", "x", "y")
"""Those who saw no rule; each is tested once by what the others taught. `x` and `y` wrote no
attack."""


@dataclass
class Ablation:
    """What to leave out: features of segments and of statements by their beginning, numbers."""

    segments: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


class Corpus:
    """Entries with their segments, ready to train on parts of them."""

    def __init__(self, entries: Sequence[Entry], without: Ablation) -> None:
        self.entries = entries
        self._without = without
        self._segments: list[list[Labelled]] = [labelled(entry) for entry in entries]
        self._slots = [[self._of_segment(one) for one in each] for each in self._segments]

    def _of_segment(self, one: Labelled) -> NDArray[np.intp]:
        left_out = self._without.segments
        kept = (
            [
                each
                for each in one.described.features
                if not each.removeprefix("assistant:").startswith(left_out)
            ]
            if left_out
            else one.described.features
        )
        return feature_slots(kept, SEGMENT_SLOTS)

    def segment_weights(self, indices: Sequence[int]) -> Floats:
        """Return the first regression's weights, trained on some entries."""
        found = [
            (row, one.is_foreign)
            for index in indices
            for row, one in zip(self._slots[index], self._segments[index], strict=True)
            if one.is_foreign is not None
        ]
        rows = Rows([row for row, _ in found], SEGMENT_SLOTS, np.zeros((len(found), 0)))
        return fit(rows, np.array([label for _, label in found]), SEGMENT_STRENGTH)

    def scored(self, index: int, weights: Floats) -> list[ScoredMessage]:
        """Return the messages of an entry with the scores of their segments."""
        grouped: dict[int, list[int]] = defaultdict(list)
        for place, one in enumerate(self._segments[index]):
            grouped[one.position].append(place)
        return [
            self._scored(index, position, places, weights) for position, places in grouped.items()
        ]

    def _scored(
        self, index: int, position: int, places: Sequence[int], weights: Floats
    ) -> ScoredMessage:
        segments = tuple(self._segments[index][place].described.segment for place in places)
        rows = [self._slots[index][place] for place in places]
        scores = [float(weights[row].sum()) / max(1, len(row)) ** 0.5 for row in rows]
        is_user = self._segments[index][places[0]].is_user
        likenesses = Likenesses(segments)
        return ScoredMessage(
            position, is_user, segments, likenesses, np.array(scores) + weights[-1]
        )

    def out_of_fold(self, indices: Sequence[int]) -> dict[int, list[ScoredMessage]]:
        """Return the scores of entries, each by weights that it took no part in."""
        found: dict[int, list[ScoredMessage]] = {}
        for fold in range(FOLDS):
            others = [index for index in indices if index % FOLDS != fold]
            weights = self.segment_weights(others)
            for index in indices:
                if index % FOLDS == fold:
                    found[index] = self.scored(index, weights)
        return found

    def statement_weights(self, scored: dict[int, list[ScoredMessage]]) -> Floats:
        """Return the second regression's weights, trained on entries with such scores."""
        contents, labels, dense = [], [], []
        for index, segments in scored.items():
            entry = self.entries[index]
            for content, evidence in entry.statements:
                near = [one for one in segments if one.position in evidence]
                if any(one.is_user for one in near):
                    contents.append(content)
                    labels.append(entry.is_attack)
                    dense.append(self._numbers(content, near))
        rows = Rows(
            [self._of_statement(content) for content in contents],
            STATEMENT_SLOTS,
            np.array(dense, np.float64),
            STATEMENT_SCALE,
        )
        return fit(rows, np.array(labels), STATEMENT_STRENGTH)

    def _of_statement(self, content: str) -> NDArray[np.intp]:
        left_out = self._without.statements
        features = [
            feature
            for feature in describe_statement(content)
            if not left_out or not feature.startswith(left_out)
        ]
        return feature_slots(features, STATEMENT_SLOTS)

    def _numbers(self, content: str, near: Sequence[ScoredMessage]) -> NDArray[np.float32]:
        features = dense_features(content, near)
        features[[DENSE_FEATURES.index(name) for name in self._without.numbers]] = 0
        return features

    def judge(self, content: str, near: Sequence[ScoredMessage], weights: Floats) -> float:
        """Return the log-odds that a statement is not the user's own; of the assistant's +inf."""
        if not any(one.is_user for one in near):
            return float("inf")
        found = self._of_statement(content)
        words = STATEMENT_SCALE * float(weights[found].sum()) / max(1, len(found)) ** 0.5
        rest = weights[STATEMENT_SLOTS:]
        return words + float(rest[:-1] @ self._numbers(content, near)) + float(rest[-1])


@dataclass(frozen=True)
class Outcome:
    """A statement of an entry that was not trained on, with what the classifier makes of it."""

    entry: Entry
    content: str
    verdict: float


def cross_validated(without: Ablation | None = None) -> list[Outcome]:
    """Return the outcomes of the three authors, and of ordinary conversations kept aside."""
    entries = provenance_data.training() + provenance_data.ordinary("held_out")
    corpus = Corpus(entries, without or Ablation())
    outcomes = []
    for tested in (*AUTHORS, "ordinary"):
        aside = [
            index
            for index, entry in enumerate(entries)
            if entry.author == tested or entry.author == "ordinary held_out"
        ]
        trained = [index for index in range(len(entries)) if index not in set(aside)]
        first = corpus.segment_weights(trained)
        second = corpus.statement_weights(corpus.out_of_fold(trained))
        for index in aside:
            entry = entries[index]
            if (entry.author == "ordinary held_out") != (tested == "ordinary"):
                continue
            segments = corpus.scored(index, first)
            for content, evidence in entry.statements:
                near = [one for one in segments if one.position in evidence]
                outcomes.append(Outcome(entry, content, corpus.judge(content, near, second)))
    return outcomes


def through(outcomes: Sequence[Outcome], threshold: float) -> float:
    """Return the share of attacks of which a statement stays below a threshold."""
    lowest: dict[str, float] = defaultdict(lambda: float("inf"))
    for one in outcomes:
        if one.entry.is_attack:
            lowest[one.entry.name] = min(lowest[one.entry.name], one.verdict)
    return float(np.mean([value < threshold for value in lowest.values()])) if lowest else 0.0


def alarms(outcomes: Sequence[Outcome], threshold: float) -> float:
    """Return the share of harmless statements at a threshold or above."""
    harmless = [one.verdict >= threshold for one in outcomes if not one.entry.is_attack]
    return float(np.mean(harmless)) if harmless else 0.0


def threshold_of(outcomes: Sequence[Outcome], share: float) -> float:
    """Return the threshold that a share of the harmless statements reaches."""
    harmless = sorted((one.verdict for one in outcomes if not one.entry.is_attack), reverse=True)
    return harmless[int(share * len(harmless))] + 1e-9


def _summary(outcomes: Sequence[Outcome]) -> str:
    """Return one line: what gets through where 5 %, 2 % and 1 % of the look-alikes do not."""
    tested = [one for one in outcomes if one.entry.author in AUTHORS]
    aside = [one for one in outcomes if one.entry.author not in AUTHORS]
    parts = []
    for share in (0.05, 0.02, 0.01):
        at = threshold_of(tested, share)
        parts.append(
            f"{share:.0%}: {through(tested, at):.1%} (at {at:.2f}, "
            f"ordinary {alarms(aside, at):.1%})"
        )
    return "  ".join(parts)


ABLATIONS: dict[str, Ablation] = {
    "words": Ablation(("word:",)),
    "first segment": Ablation(("first:",)),
    "previous segment": Ablation(("previous",)),
    "announcing concepts": Ablation(("before:",)),
    "earlier messages": Ablation(("earlier:",)),
    "shapes": Ablation(("shape:",)),
    "number of segments": Ablation(("segments:",)),
    "blocks": Ablation(("block",)),
    "places": Ablation(("place:",)),
    "quotation marks": Ablation(("quoted:", "fenced:", "previous quoted:")),
    "all concepts": Ablation(("previous:", "before:", "earlier:", "block selves")),
    "statement": Ablation((), ("word:", "pair:", "part:")),
    "statement's pairs": Ablation((), ("pair:",)),
    "statement's parts": Ablation((), ("part:",)),
    **{name: Ablation((), (), (name,)) for name in DENSE_FEATURES},
}


def data_hash() -> str:
    """Return the hash of all that the classifier is trained on."""
    digest = hashlib.sha256()
    for path in provenance_data.files():
        digest.update(path.read_bytes())
    return digest.hexdigest()


def trained() -> NDArray[np.float16]:
    """Return the weights of both regressions in a row, as they are stored."""
    entries = provenance_data.training()
    corpus = Corpus(entries, Ablation())
    indices = range(len(entries))
    segments = corpus.segment_weights(indices)
    statements = corpus.statement_weights(corpus.out_of_fold(indices))
    statements[:STATEMENT_SLOTS] *= STATEMENT_SCALE
    return np.concatenate([segments, statements]).astype(np.float16)


def _write() -> None:
    stored = io.BytesIO()
    np.save(stored, trained(), allow_pickle=False)
    (TRAINED / PROVENANCE_FILE).write_bytes(stored.getvalue())
    weights_hash = hashlib.sha256(stored.getvalue()).hexdigest()
    record(PROVENANCE_SHA256=weights_hash, TRAINING_DATA_SHA256=data_hash())
    print(f"{PROVENANCE_FILE}: {len(stored.getvalue()):,} bytes, SHA-256 {weights_hash}")


def _check() -> None:
    """Print how far newly trained weights are from those in the package; exit with 1 if far."""
    stored = np.load(TRAINED / PROVENANCE_FILE, allow_pickle=False)
    difference = float(np.abs(trained().astype(np.float32) - stored.astype(np.float32)).max())
    print(f"the largest difference of a weight is {difference:.6f}")
    if difference > MAX_DIFFERENCE:
        raise SystemExit(1)


def main() -> None:
    """Train, check or measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare with the package's weights")
    parser.add_argument("--cv", action="store_true", help="measure on authors left out")
    parser.add_argument("--ablate", action="store_true", help="the same without some features")
    options = parser.parse_args()
    if options.check:
        _check()
    elif options.cv or options.ablate:
        _measure(ablate=options.ablate)
    else:
        _write()


def _measure(*, ablate: bool) -> None:
    outcomes = cross_validated()
    print("all features:", _summary(outcomes), flush=True)
    for name in ("author", "kind", "language"):
        _print_table(outcomes, name)
    for name, ablation in ABLATIONS.items() if ablate else ():
        print(f"without {name}:", _summary(cross_validated(ablation)), flush=True)


def _print_table(outcomes: Sequence[Outcome], name: str) -> None:
    """Print what gets through, and what harmless statements lose, by author, kind or language."""
    tested = [one for one in outcomes if one.entry.author in AUTHORS]
    for group in sorted({getattr(one.entry, name) for one in tested}):
        own = [one for one in tested if getattr(one.entry, name) == group]
        print(
            f"{group:<22}through {through(own, LOW_TRUST):6.1%}"
            f"  not kept out {through(own, FOREIGN):6.1%}"
            f"  false alarms {alarms(own, FOREIGN):6.1%}  low trust {alarms(own, LOW_TRUST):6.1%}"
        )


if __name__ == "__main__":
    main()
