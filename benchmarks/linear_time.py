"""Show the patterns, functions and ways of a text that take longest on pumped strings.

    python benchmarks/linear_time.py [--budget SECONDS] [--only NAME] [--kinds KIND ...]

It measures what `tests/safety/test_linear_time.py` measures, with more time for each subject.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.safety import inventory, subjects
from tests.safety.growth import Growth

SLOWEST = 10
KINDS = ("patterns", "functions", "scenarios")
SCENARIO_SHARE = 20
"""A scenario gets so many times the processor time of a pattern or function."""


def measured(kind: str, only: str, budget_s: float) -> Iterator[list[Growth]]:
    """Yield the results of each subject of a kind whose name contains `only`."""
    if kind == "patterns":
        for pattern in inventory.patterns():
            if only in pattern.name:
                yield subjects.pattern_growth(pattern, budget_s=budget_s, longest_s=budget_s)
    elif kind == "functions":
        for function in inventory.functions():
            if only in function.name and function.name not in inventory.EXEMPT:
                yield subjects.function_growth(function, budget_s=budget_s, longest_s=budget_s)
    else:
        share_s = SCENARIO_SHARE * budget_s
        for name in subjects.SCENARIOS:
            if only in name:
                yield subjects.scenario_growth(name, budget_s=share_s, longest_s=share_s)


def main() -> None:
    """Measure, and print the slowest subjects of each kind."""
    parser = argparse.ArgumentParser(description="Measure patterns and functions on pumped strings")
    parser.add_argument("--budget", type=float, default=0.2, help="seconds for each subject")
    parser.add_argument("--only", default="", help="part of the subjects' names")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    options = parser.parse_args()
    started = time.process_time()
    for kind in options.kinds:
        found = [
            max(results, key=lambda each: each.us_per_char)
            for results in measured(kind, options.only, options.budget)
            if results
        ]
        print(f"\n{len(found)} {kind}, the slowest {SLOWEST}:")
        worst = sorted(found, key=lambda each: each.us_per_char, reverse=True)
        print(*worst[:SLOWEST], sep="\n")
    print(f"\n{time.process_time() - started:.1f} s of processor time")


if __name__ == "__main__":
    main()
