"""Takes one system through a job, in a process of its own: python worker.py ADAPTER JOB FOLDER.

ADAPTER is a Python file with `open_system`, a function of a Place that returns a System. What was
measured goes to standard output as one line of JSON. With `--bulk`, whole sessions are added at a
time and nothing is asked.
"""

import argparse
import importlib.util
import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from system import Message, Place, System

BLOCK_BYTES = 512
"""The unit of `st_blocks`."""

HITS_PER_TOKEN = 1 / 25
"""Enough to fill a budget: a message of the known sets has 41 tokens or more on average."""


def peak_mb() -> float:
    """The most memory that this process has had, by the kernel.

    Where there is /proc: what `getrusage` tells may be the process's that started this one.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def disk_mb(folder: Path) -> float:
    """What the files in a folder occupy."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sum(path.stat().st_blocks for path in files) * BLOCK_BYTES / 1e6


def batches(job: dict[str, Any], bulk: bool) -> Iterator[tuple[str, str, list[Message]]]:
    """The user, the session and the messages of each call."""
    for conversation in job["conversations"]:
        for session in conversation["sessions"]:
            messages = [Message(**fields) for fields in session["messages"]]
            size = len(messages) if bulk else 1
            for start in range(0, len(messages), size):
                yield conversation["user_id"], session["id"], messages[start : start + size]


def add_all(system: System, job: dict[str, Any], bulk: bool) -> dict[str, Any]:
    """Adds everything; milliseconds of each call, and seconds until everything can be found."""
    calls = []
    started = time.perf_counter()
    for user_id, session, messages in batches(job, bulk):
        before = time.perf_counter()
        system.add(user_id, session, messages)
        calls.append((time.perf_counter() - before) * 1_000)
    added = time.perf_counter()
    system.settle()
    ready = time.perf_counter()
    return {"add_ms": calls, "added_s": added - started, "ready_s": ready - started}


def ask_all(system: System, job: dict[str, Any], budget_tokens: int) -> list[dict[str, Any]]:
    """Asks every question: milliseconds of the search, and what it found."""
    answers = []
    hits = round(budget_tokens * HITS_PER_TOKEN)
    for conversation in job["conversations"]:
        user_id = conversation["user_id"]
        for question in conversation["questions"]:
            system.prepare(user_id, question["text"], question["asked_at"])
            before = time.perf_counter()
            found = system.search(user_id, question["text"], budget_tokens, hits)
            answers.append({"ms": (time.perf_counter() - before) * 1_000, "found": found})
    return answers


def main() -> None:
    """Do the job and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("adapter", type=Path)
    parser.add_argument("job", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bulk", action="store_true")
    chosen = parser.parse_args()
    job = json.loads(chosen.job.read_text(encoding="utf-8"))
    started = time.perf_counter()
    spec = importlib.util.spec_from_file_location("adapter", chosen.adapter)
    adapter = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(adapter)
    system = adapter.open_system(Place(chosen.folder, Path(job["cache_dir"])))
    measured: dict[str, Any] = {"start_s": time.perf_counter() - started}
    measured |= add_all(system, job, chosen.bulk)
    if not chosen.bulk:
        measured["answers"] = {
            str(budget): ask_all(system, job, budget) for budget in job["budgets_tokens"]
        }
    measured["peak_mb"] = peak_mb()
    system.close()
    measured["data_mb"] = disk_mb(chosen.folder)
    json.dump(measured, sys.stdout)


if __name__ == "__main__":
    main()
