"""Times `get_context` for one user with many memories, beside embedding the query alone.

    python benchmarks/get_context.py [--memories 10000] [--rounds 200] [--json FILE]

Both are timed in turns in the same run, so the ratio holds on a machine that others use as well.
The memory is filled through the public client with statements made from lists of words.
"""

import argparse
import itertools
import json
import platform
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from hitherto import Hitherto, RecallStrategy, Settings, User
from hitherto.embedding import open_embedder

THINGS = [
    "bicycle",
    "guitar",
    "camera",
    "kettle",
    "lamp",
    "atlas",
    "violin",
    "tent",
    "kayak",
    "sofa",
    "radio",
    "mirror",
    "desk",
    "scarf",
    "globe",
    "drum",
    "piano",
    "carpet",
    "telescope",
    "toaster",
    "ladder",
    "compass",
    "blanket",
    "helmet",
    "basket",
]
PLACES = [
    "Porto",
    "Lisbon",
    "Faro",
    "Braga",
    "Coimbra",
    "Madrid",
    "Seville",
    "Paris",
    "Lyon",
    "Turin",
    "Milan",
    "Rome",
    "Vienna",
    "Graz",
    "Prague",
    "Berlin",
    "Hamburg",
    "Oslo",
    "Bergen",
    "Leeds",
    "York",
    "Dublin",
    "Cork",
    "Athens",
    "Sofia",
]
PEOPLE = [
    "Ana",
    "Rui",
    "Tom",
    "Ida",
    "Max",
    "Eva",
    "Leo",
    "Mia",
    "Jon",
    "Zoe",
    "Ben",
    "Kim",
    "Sam",
    "Amy",
    "Ian",
]
VERBS = ["bought", "sold", "repaired", "borrowed", "painted"]
QUESTIONS = (
    "Where did I buy the telescope that Ana liked so much?",
    "Which of my friends went with me to the market in Bergen?",
    "What did I repair in Coimbra after Max had borrowed it?",
    "Do you remember what I told you about the piano from Vienna?",
)
SESSION_MESSAGES = 20


def statements(count: int) -> list[str]:
    """Different sentences about the user, in an order that looks like life."""
    made = [
        f"I {verb} a {thing} in {place} with {person}."
        for verb, thing, place, person in itertools.product(VERBS, THINGS, PLACES, PEOPLE)
    ]
    random.Random(7).shuffle(made)
    return made[:count]


def fill(memory: Hitherto, user: User, count: int) -> int:
    """Tell statements until the user has `count` memories; returns how many there are."""
    told = iter(statements(2 * count))
    total = 0
    while total < count:
        session = user.create_session(auto_process_after_seconds=None)
        for text in itertools.islice(told, min(SESSION_MESSAGES, count - total)):
            session.add_message("user", text)
        session.process()
        memory.wait_until_processed()
        total = user.list_memories(limit=1).total
        if sys.stderr.isatty():
            print(f"\r{total:,} memories", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return total


def milliseconds(samples: list[float]) -> dict[str, float]:
    """p50 and p95 of seconds, in milliseconds."""
    cuts = statistics.quantiles(samples, n=20)
    return {"p50": statistics.median(samples) * 1000, "p95": cuts[18] * 1000}


def measure(memory: Hitherto, user: User, rounds: int) -> dict[str, Any]:
    """Time embedding and contexts in turns, one strategy after the other."""
    embedder = open_embedder(cache_dir=Settings().cache_dir)
    sessions = []
    for question in QUESTIONS:
        session = user.create_session(auto_process_after_seconds=None)
        session.add_message("user", question)
        sessions.append(session)
    for session in sessions:
        # The sessions that ask are no part of what is asked about.
        session.get_context(recall_strategy=RecallStrategy.LOW_LATENCY)
    timed: dict[str, list[float]] = {"embed": [], "low_latency": [], "balanced": []}
    for strategy in (RecallStrategy.LOW_LATENCY, RecallStrategy.BALANCED):
        for index in range(rounds):
            question, session = QUESTIONS[index % 4], sessions[index % 4]
            started = time.perf_counter()
            embedder.embed_query(question)
            timed["embed"].append(time.perf_counter() - started)
            started = time.perf_counter()
            session.get_context(recall_strategy=strategy)
            timed[strategy.value].append(time.perf_counter() - started)
    for session in sessions:
        session.delete()
    return {name: milliseconds(samples) for name, samples in timed.items()}


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memories", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--db", type=Path, help="keep the filled memory here and use it again")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = chosen.db or Path(folder) / "memory.db"
        fresh = not path.exists()
        with Hitherto(path) as memory:
            started = time.perf_counter()
            user = memory.create_user("benchmark") if fresh else memory.get_user("benchmark")
            total = (
                fill(memory, user, chosen.memories) if fresh else user.list_memories(limit=1).total
            )
            filled_s = time.perf_counter() - started
            figures = measure(memory, user, chosen.rounds)
    ratio = figures["low_latency"]["p50"] / figures["embed"]["p50"]
    print(f"{total:,} memories of one user, {chosen.rounds} rounds, {platform.machine()}")
    for name, figure in figures.items():
        print(f"{name:<12} p50 {figure['p50']:6.2f} ms   p95 {figure['p95']:6.2f} ms")
    print(f"low_latency / embed, p50: {ratio:.2f}   (filled in {filled_s:.0f} s)")
    if chosen.json:
        chosen.json.write_text(json.dumps({"memories": total, "ratio": ratio, **figures}, indent=1))


if __name__ == "__main__":
    main()
