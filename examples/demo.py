"""Remembers a year of conversations of one fictional user, then asks ten questions about it.

    python examples/demo.py [--db PATH]

The conversations are in `conversation.json`. Every figure that is printed was measured in this run.
"""

import io
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from hitherto import (
    Hitherto,
    MessageRole,
    RecallrAIError,
    RecallStrategy,
    Session,
    SessionStatus,
    Settings,
    User,
    UserMemoryItem,
)
from hitherto.errors import TimeoutError, UserAlreadyExistsError
from hitherto.models import MemoryVersionInfo

CONVERSATION = Path(__file__).with_name("conversation.json")
QUESTION_TOKENS = 1000
SHOWN_TOKENS = 600
MAX_WIDTH = 100
CHANGES_SHOWN = 5
LINES_SHOWN = 2
WORD = re.compile(r"\w{3,}")


@dataclass(frozen=True, slots=True)
class Answered:
    """A question, what its context was expected to hold, and what came of it."""

    question: str
    expects: list[str]
    context: str
    strategy: str
    took_ms: float

    @property
    def found(self) -> list[str]:
        """The expected words that the context holds."""
        return held(self.expects, self.context)

    @property
    def complete(self) -> bool:
        """Whether the context holds all of them."""
        return len(self.found) == len(self.expects)


def main(
    db: Annotated[
        Path | None, typer.Option(help="Keep the memory in this file. Default: a temporary one.")
    ] = None,
) -> None:
    """Remember a year of conversations and question them."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A pipe may have an encoding without a tick; that is no reason to stop.
        sys.stdout.reconfigure(errors="replace")
    console = Console(highlight=False)
    console.width = min(console.width, MAX_WIDTH)
    try:
        with tempfile.TemporaryDirectory(prefix="hitherto-demo-") as folder:
            complete = run(console, db or Path(folder) / "demo.db", kept=db is not None)
    except UserAlreadyExistsError as error:
        console.print(f"{db} holds the demo's user already; give a new file.", markup=False)
        raise typer.Exit(2) from error
    except RecallrAIError as error:
        console.print(f"The demo stopped: {error}", style="red", markup=False)
        raise typer.Exit(1) from error
    if not complete:
        raise typer.Exit(1)


def run(console: Console, path: Path, kept: bool) -> bool:
    """Tell, process, show, ask. False when a session could not be processed."""
    told = json.loads(CONVERSATION.read_text(encoding="utf-8"))
    title(console, "A year of one user's conversations, remembered and questioned")
    console.print("The user is fictional; all figures were measured in this run.\n")
    if not any(Settings().cache_dir.glob("*.onnx")):
        console.print("The first run on a machine builds the embedding graph; this takes seconds.")
    with console.status("EmbedderFactory the memory"):
        memory, took_s = timed(lambda: Hitherto(path))
    step(console, "Opened", "one SQLite file and a local embedder, no server, no key", took_s)
    with memory:
        user = memory.create_user(told["user"])
        sessions, took_s = timed(lambda: tell(console, user, told["sessions"]))
        count = sum(len(item["messages"]) for item in told["sessions"])
        step(console, "Told", f"{count} messages in {len(sessions)} sessions", took_s)
        _, took_s = timed(lambda: process(console, memory, sessions))
        step(console, "Processed", "each session turned into memories, by rules", took_s)
        failed = user.list_sessions(status_filter=[SessionStatus.FAILED], limit=100).sessions
        for session in failed:
            console.print(f"  FAILED: {session.failure_reason}", style="red", markup=False)
        show_memories(console, all_memories(user))
        show_answers(console, [ask(user, item) for item in told["questions"]])
        show_context(console, user, told["questions"][2])
    if kept:
        console.print(f"\nThe memory is kept in {path}.", markup=False)
    console.print("\nNext: README.md for what this is, docs/tutorial.md for a memory of your own.")
    return not failed


def tell(console: Console, user: User, told: list[dict[str, Any]]) -> list[Session]:
    """Add all messages, each session under its own date."""
    sessions = []
    with progress(console) as bar:
        for item in bar.track(told, description="Telling"):
            session = user.create_session(
                auto_process_after_seconds=None,
                custom_created_at_utc=datetime.fromisoformat(item["created_at"]),
            )
            for message in item["messages"]:
                session.add_message(MessageRole(message["role"]), message["content"])
            sessions.append(session)
    return sessions


def process(console: Console, memory: Hitherto, sessions: list[Session]) -> None:
    """Turn all sessions into memories; the worker does it in the background."""
    with progress(console) as bar:
        task = bar.add_task("Processing", total=len(sessions))
        for session in sessions:
            session.process()
        finished = False
        while not finished:
            try:
                memory.wait_until_processed(timeout_s=0.05)
                finished = True
            except TimeoutError:
                for session in sessions:
                    session.refresh()
                done = [session for session in sessions if session.processed_at is not None]
                bar.update(task, completed=len(done))


def ask(user: User, item: dict[str, Any]) -> Answered:
    """Put a question as the only message of a fresh session, as a new conversation would begin."""
    session = user.create_session(
        auto_process_after_seconds=None,
        custom_created_at_utc=datetime.fromisoformat(item["asked_at"]),
    )
    session.add_message(MessageRole.USER, item["question"])
    response, took_s = timed(
        lambda: session.get_context(
            recall_strategy=RecallStrategy.AUTO,
            include_system_prompt=False,
            max_tokens=QUESTION_TOKENS,
        )
    )
    session.delete()
    return Answered(
        question=item["question"],
        expects=item["expects"],
        context=response.context or "",
        strategy=response.metadata.recall_strategy_used.value,
        took_ms=took_s * 1000,
    )


def all_memories(user: User) -> list[UserMemoryItem]:
    """Every current memory, newest first."""
    page = user.list_memories(limit=200)
    found = page.items
    while page.has_more:
        page = user.list_memories(offset=len(found), limit=200)
        found += page.items
    return found


def show_memories(console: Console, memories: list[UserMemoryItem]) -> None:
    """How much is remembered, and the memories that changed most."""
    earlier = {
        version.memory_id for memory in memories for version in memory.previous_versions or []
    }
    connections = {
        frozenset((memory.memory_id, other.memory_id))
        for memory in memories
        for other in memory.connected_memories or []
    }
    console.print(
        f"\n{len(memories)} current memories, {len(earlier)} superseded versions kept behind them, "
        f"{len(connections)} connections.\n"
    )
    title(console, "What changed is superseded and keeps its history")
    changed = sorted(
        (memory for memory in memories if memory.has_previous_versions),
        key=lambda memory: (-memory.total_versions, memory.created_at, memory.content),
    )
    for memory in changed[:CHANGES_SHOWN]:
        version_row(console, memory, "current")
        for past in memory.previous_versions or []:
            version_row(console, past, past.expiration_reason.value.lower().replace("_", " "))
        console.print()


def version_row(console: Console, item: UserMemoryItem | MemoryVersionInfo, state: str) -> None:
    """One version: its number, the day of the conversation that brought it, what became of it."""
    row(
        console,
        Text(f"  version {item.version_number}  {item.created_at:%d %b %Y}  "),
        Text(item.content, style="bold" if state == "current" else ""),
        Text(state, style="dim"),
    )


def show_answers(console: Console, answers: list[Answered]) -> None:
    """Each question with the lines of its context that answer it, found or not."""
    title(console, f"{len(answers)} questions, contexts of at most {QUESTION_TOKENS} tokens")
    for answer in answers:
        mark = Text("✓ ", "bold green") if answer.complete else Text("✗ ", "bold red")
        took = Text(f"{answer.strategy}, {answer.took_ms:.0f} ms", style="dim")
        row(console, mark, Text(answer.question, style="bold"), took)
        for day, line in telling_lines(answer):
            prefix = f"{day}: " if day else ""
            # Two rows, less the indentation and the words that wrapping may push to the next row.
            room = 2 * (console.width - 4) - len(prefix) - 10
            shown = Text(prefix + excerpt(line, answer.expects, room))
            shown.highlight_regex(pattern(answer.expects), "bold green")
            row(console, Text("    "), shown, Text(""))
        missing = [words for words in answer.expects if words not in answer.found]
        if missing:
            console.print(f"    missing: {', '.join(missing)}", style="red", markup=False)
    complete = sum(answer.complete for answer in answers)
    middle_ms = statistics.median(answer.took_ms for answer in answers)
    console.print(
        f"\n{complete} of {len(answers)} contexts hold every expected word; "
        f"median {middle_ms:.0f} ms each.\n"
    )


def show_context(console: Console, user: User, item: dict[str, Any]) -> None:
    """One context in full."""
    title(console, f"The third question's context as a model gets it, in {SHOWN_TOKENS} tokens")
    session = user.create_session(
        auto_process_after_seconds=None,
        custom_created_at_utc=datetime.fromisoformat(item["asked_at"]),
    )
    session.add_message(MessageRole.USER, item["question"])
    response = session.get_context(include_system_prompt=False, max_tokens=SHOWN_TOKENS)
    session.delete()
    console.print(Text((response.context or "").strip()))


def telling_lines(answer: Answered) -> list[tuple[str, str]]:
    """The fewest lines of a context, at most two, that hold what was expected of it.

    A message counts with the day in the heading above it. Among lines that hold as much, the
    user's own words go first, then the line with the most words of the question.
    """
    day, lines = "", []
    for line in answer.context.splitlines():
        if line.startswith("#"):
            day = line.strip("# ").partition(", ")[2]
        elif line.strip():
            said = line.startswith(("USER:", "ASSISTANT:", "    "))
            lines.append((day if said else "", line.strip()))
    asked = set(WORD.findall(answer.question.lower()))
    chosen: list[tuple[str, str]] = []
    wanted = answer.found
    while wanted and len(chosen) < LINES_SHOWN:
        best = max(
            lines,
            key=lambda item: (
                len(held(wanted, " ".join(item))),
                item[1].startswith("USER:"),
                len(asked & set(WORD.findall(item[1].lower()))),
            ),
        )
        chosen.append(best)
        found = held(wanted, " ".join(best))
        wanted = [words for words in wanted if words not in found]
    return chosen


def held(wanted: list[str], text: str) -> list[str]:
    """Those of the wanted words that a text holds."""
    return [words for words in wanted if pattern([words]).search(text)]


def pattern(words: list[str]) -> re.Pattern[str]:
    """Matches any of the words as written or in capitals, not as a part of a longer word."""
    either = "|".join(re.escape(form) for word in words for form in (word, word.upper()))
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)")


def excerpt(line: str, words: list[str], room: int) -> str:
    """What of a line stands around the expected words, cut between words."""
    if len(line) <= room:
        return line
    matches = list(pattern(words).finditer(line))
    middle = (matches[0].start() + matches[-1].end()) // 2 if matches else 0
    start = min(max(0, middle - room // 2), len(line) - room)
    end = start + room
    if start:
        start = line.index(" ", start) + 1
    if end < len(line):
        end = line.rindex(" ", start, end)
    return ("… " if start else "") + line[start:end] + (" …" if end < len(line) else "")


def row(console: Console, before: Text, content: Text, after: Text) -> None:
    """A line of three parts; the middle one wraps in its own column."""
    table = Table.grid(expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    table.add_column(no_wrap=True, justify="right")
    table.add_row(before, content, Text("  ") + after if after else after)
    console.print(table)


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """What a call returns, and the seconds that it took."""
    started = time.perf_counter()
    result = call()
    return result, time.perf_counter() - started


def title(console: Console, text: str) -> None:
    """A heading over the whole width."""
    console.print(Rule(Text(text, style="bold"), align="left", style="dim"))


def step(console: Console, done: str, what: str, took_s: float) -> None:
    """One line for a step that was done."""
    console.print(f"[bold]{done:<10}[/bold] {what:<58} {took_s:6.2f} s")


def progress(console: Console) -> Progress:
    """A bar that goes when it is done, and that a pipe never sees."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


if __name__ == "__main__":
    typer.run(main)
