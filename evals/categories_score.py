"""Score the model-free categories against labelled statements.

    python evals/categories_score.py [--set dev|held_out|all] [--names-only] [--json] [--show]

Each statement is given categories as processing gives them, with the local embedder. A label is one
pair of statement and category. precision: right / given; recall: right / labelled. `exact` is the
share of statements whose categories are just the labelled ones. The second row scores random
choices of one to six of the categories, as projects have few and many: each statement is then
expected to have those of its labels that are among them. --names-only leaves the descriptions out.
--show prints what went wrong, for the dev set only.
"""

import argparse
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from hitherto.core.reconciliation.categories import EmbeddedCategory, fitting, texts
from hitherto.embedding import Embedder, open_embedder
from hitherto.models import Category
from hitherto.settings import Settings

ROOT = Path(__file__).parent / "categories"
CHOICES = 60
SEED = 20250314


@dataclass
class Tally:
    """Counts over one category, or everything."""

    given: int = 0
    labelled: int = 0
    right: int = 0

    def add(self, given: set[str], labelled: set[str]) -> None:
        """Count one statement in."""
        self.given += len(given)
        self.labelled += len(labelled)
        self.right += len(given & labelled)

    def figures(self) -> dict[str, float]:
        """The shares that are reported, 0 where there is nothing to divide by."""
        precision, recall = _share(self.right, self.given), _share(self.right, self.labelled)
        return {
            "given": self.given,
            "labelled": self.labelled,
            "right": self.right,
            "precision": precision,
            "recall": recall,
            "f1": _share(2 * precision * recall, precision + recall),
        }


def _share(part: float, whole: float) -> float:
    return round(part / whole, 3) if whole else 0.0


def _load(path: Path, *, names_only: bool) -> tuple[list[Category], list[dict[str, Any]]]:
    held = json.loads(path.read_text(encoding="utf-8"))
    made = datetime(2025, 1, 1, tzinfo=UTC)
    found = [
        Category(item["name"], item["name"], "" if names_only else item["description"], made)
        for item in held["categories"]
    ]
    return found, held["statements"]


def score(
    embedder: Embedder, categories: list[Category], statements: list[dict[str, Any]]
) -> dict[str, Any]:
    """The tallies of one set, and what was given to each statement."""
    contents = [item["content"] for item in statements]
    vectors = embedder.embed(contents)
    embedded = [
        EmbeddedCategory(one, np.asarray(embedder.embed(texts(one)).mean(axis=0), np.float32))
        for one in categories
    ]
    total, chosen = Tally(), Tally()
    of_category = {one.name: Tally() for one in categories}
    given = fitting(contents, vectors, embedded)
    exact = 0
    for item, names in zip(statements, given, strict=True):
        total.add(set(names), set(item["labels"]))
        exact += set(names) == set(item["labels"])
        for name, tally in of_category.items():
            tally.add({name} & set(names), {name} & set(item["labels"]))
    chance = random.Random(SEED)
    for number in range(CHOICES):
        some = chance.sample(embedded, 1 + number % 6)
        names_of_some = {one.category.name for one in some}
        for item, names in zip(statements, fitting(contents, vectors, some), strict=True):
            chosen.add(set(names), names_of_some & set(item["labels"]))
    return {
        "all categories": total,
        "random choices": chosen,
        "by category": of_category,
        "exact": _share(exact, len(statements)),
        "given": given,
    }


def _print_row(name: str, tally: Tally) -> None:
    figures = tally.figures()
    cells = (
        f"{value:>9.3f}" if isinstance(value, float) else f"{value:>9}"
        for value in figures.values()
    )
    print(f"{name:<18}" + "  ".join(cells))


def main() -> None:
    """Score the chosen sets and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--set", choices=["dev", "held_out", "all"], default="dev", dest="which")
    parser.add_argument("--names-only", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--show", action="store_true", help="what went wrong (dev only)")
    options = parser.parse_args()
    settings = Settings()
    embedder = open_embedder(
        weights_dir=settings.weights_dir,
        cache_dir=settings.cache_dir,
        allow_network=settings.allow_network,
    )
    report: dict[str, Any] = {}
    for name in ["dev", "held_out"] if options.which == "all" else [options.which]:
        categories, statements = _load(ROOT / f"{name}.json", names_only=options.names_only)
        found = score(embedder, categories, statements)
        rows = {key: found[key] for key in ("all categories", "random choices")}
        rows |= found["by category"]
        report[name] = {key: tally.figures() for key, tally in rows.items()}
        report[name]["exact"] = found["exact"]
        if options.json:
            continue
        print(f"## {name}: {len(statements)} statements, {found['exact']:.3f} exact")
        columns = ("given", "labelled", "right", "precision", "recall", "f1")
        print(" " * 18 + "  ".join(f"{column:>9}" for column in columns))
        for key, tally in rows.items():
            _print_row(key, tally)
        if options.show and name == "dev":
            for item, names in zip(statements, found["given"], strict=True):
                if set(names) != set(item["labels"]):
                    print(f"  {item['content']}: {names}, labelled {item['labels']}")
    if options.json:
        print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
