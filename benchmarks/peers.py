"""Measures Hitherto beside other stores: same conversations, same embedder, one run.

    python benchmarks/peers.py CONVERSATIONS.json [CONVERSATIONS.json ...] [--rounds 3]
        [--system mem0] [--limit-conversations 1] [--page docs/measurements/peers.md] [--json FILE]

Each system gets a virtual environment of its own with pinned packages (`benchmarks/peers/*.txt`),
made once in a cache folder, and for each round a process and a folder of its own. The systems take
turns, so what else the machine does meets all of them; medians of the rounds are shown. Evidence is
scored as `hitherto eval` scores it.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from hitherto import Settings
from hitherto.embedding import MINILM, open_embedder
from hitherto.evaluation.conversations import (
    ADVERSARIAL,
    Conversation,
    Question,
    read_conversations,
)
from hitherto.evaluation.scoring import score_context

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "benchmarks" / "peers"
UV = ROOT / ".venv" / "uv" / "bin" / "uv"
RUNTIME = ROOT / "requirements" / "runtime.txt"
EMBEDDER = PEERS / "embedder.txt"
BUDGETS_TOKENS = (2_000, 4_000)
WORKER_TIMEOUT_S = 1_800

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
"""Between these lines of the page stand the tables."""

QUIET = {
    "ANONYMIZED_TELEMETRY": "False",
    "LANGSMITH_TRACING": "false",
    "MEM0_TELEMETRY": "False",
    "OPENAI_API_KEY": "unused",
    "ORT_DISABLE_TELEMETRY": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""What keeps the systems from reporting home, and a key that mem0 wants and never uses."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A system that is measured.

    distribution: the package whose version is shown; None for the embedder alone. requirements:
    what it needs, pinned. bulk: whether it takes many messages in one call. loads_extensions:
    whether it needs a Python whose SQLite can load extensions; many builds cannot.
    """

    name: str
    adapter: Path
    distribution: str | None
    requirements: Path
    bulk: bool = True
    loads_extensions: bool = False


CONTENDERS = (
    Contender("Hitherto", PEERS / "with_hitherto.py", "hitherto", RUNTIME, bulk=False),
    Contender("mem0", PEERS / "with_mem0.py", "mem0ai", PEERS / "mem0.txt"),
    Contender(
        "LangGraph in memory",
        PEERS / "with_langgraph.py",
        "langgraph",
        PEERS / "langgraph.txt",
    ),
    Contender(
        "LangGraph on SQLite",
        PEERS / "with_langgraph_sqlite.py",
        "langgraph",
        PEERS / "langgraph_sqlite.txt",
        loads_extensions=True,
    ),
    Contender("Chroma", PEERS / "with_chroma.py", "chromadb", PEERS / "chroma.txt"),
    Contender("embedder alone", PEERS / "with_nothing.py", None, EMBEDDER),
)


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python with a system installed, and what that takes without the embedder's weights.

    packages, mb: the system as published. with_embedder: the same with all that the common embedder
    needs besides.
    """

    python: Path
    version: str
    packages: int
    mb: float
    packages_with_embedder: int
    mb_with_embedder: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One round of one system over one set. Times in milliseconds unless named otherwise.

    add: p50 and p95 of a call with one message. ready: all adding until everything can be found, a
    message. bulk: the same with a session in each call. search, recall: by budget in tokens.
    """

    add: tuple[float, float]
    added_s: float
    ready: float
    bulk: float
    search: dict[int, tuple[float, float]]
    recall: dict[int, float | None]
    start_s: float
    peak_mb: float
    data_mb: float
    load: float


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(requirements: Path) -> set[str]:
    """The names in a lock."""
    text = requirements.read_text(encoding="utf-8")
    return {normal(name) for name in re.findall(r"^([A-Za-z0-9][\w.-]*)==", text, re.MULTILINE)}


def megabytes(packages: Iterable[Distribution]) -> float:
    """Bytes of the files that were installed, in millions."""
    return sum(file.size or 0 for one in packages for file in one.files or ()) / 1e6


def installed(python: Path, contender: Contender) -> Environment:
    """What an environment holds. Raises SystemExit where the embedder has moved a pinned version.

    The weights are left out: they are the same everywhere.
    """
    folders = [str(path) for path in python.parents[1].glob("lib/python*/site-packages")]
    found = {normal(one.name): one for one in distributions(path=folders)}
    found.pop(MINILM.distribution, None)
    lock = contender.requirements.read_text(encoding="utf-8")
    own = pinned(contender.requirements) | {normal(contender.distribution or "")}
    for name in own & pinned(contender.requirements) & found.keys():
        if f"{name}=={found[name].version}" not in normal_pins(lock):
            raise SystemExit(f"{contender.name}: {name} is {found[name].version}, not as pinned")
    base = [one for name, one in found.items() if name in own]
    version = found[contender.distribution].version if contender.distribution else ""
    return Environment(
        python, version, len(base), megabytes(base), len(found), megabytes(found.values())
    )


def normal_pins(lock: str) -> set[str]:
    """The pins of a lock, without markers and hashes."""
    pins = re.findall(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", lock, re.MULTILINE)
    return {f"{normal(name)}=={version}" for name, version in pins}


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python that all environments are made from. loads_extensions: whether its SQLite can."""

    path: Path
    version: str
    loads_extensions: bool


def interpreter(path: Path) -> Interpreter:
    """Asks a Python what it is."""
    code = (
        "import platform, sqlite3; print(platform.python_version(), "
        "hasattr(sqlite3.Connection, 'enable_load_extension'))"
    )
    told = subprocess.run([path, "-c", code], capture_output=True, text=True, check=True).stdout
    version, loads = told.split()
    return Interpreter(path, version, loads == "True")


def environment(contender: Contender, python_of_all: Interpreter, cache_dir: Path) -> Environment:
    """Returns the environment of a system; makes it where the cache does not hold it complete."""
    made_from = f"{python_of_all.path} {python_of_all.version}".encode()
    pins = contender.requirements.read_bytes() + EMBEDDER.read_bytes() + made_from
    stem = contender.adapter.stem.removeprefix("with_")
    folder = cache_dir / f"{stem}-{hashlib.sha256(pins).hexdigest()[:12]}"
    python = folder / "bin" / "python"
    # The locks are complete, so nothing is looked for beyond them.
    install = [str(UV), "pip", "install", "--quiet", "--python", str(python), "--no-deps"]
    complete = folder / "complete"
    if not complete.is_file():
        print(f"Installing {contender.name} ...", file=sys.stderr)
        call(
            [
                str(UV),
                "venv",
                "--quiet",
                "--clear",
                "--python",
                str(python_of_all.path),
                str(folder),
            ]
        )
        call([*install, "--require-hashes", "-r", str(contender.requirements)])
        if contender.distribution != "hitherto":
            call([*install, "--require-hashes", "-r", str(EMBEDDER)])
        complete.touch()
    if contender.distribution == "hitherto":
        # Its version says nothing about what stands in this working copy.
        call([*install, "--reinstall-package", "hitherto", "--no-cache", str(ROOT)])
    return installed(python, contender)


def call(command: Sequence[str]) -> None:
    """Runs a command; what it says is shown. Raises SystemExit where it fails."""
    if subprocess.run(command, check=False).returncode:
        raise SystemExit(f"failed: {' '.join(command)}")


def job_of(conversations: Sequence[Conversation], cache_dir: Path) -> dict[str, Any]:
    """What a worker is given. The key of a question is not part of it."""
    return {
        "cache_dir": str(cache_dir),
        "budgets_tokens": BUDGETS_TOKENS,
        "conversations": [
            {
                "user_id": conversation.user_id,
                "sessions": [
                    {
                        "id": f"session-{session.number}",
                        "messages": [
                            {
                                "role": turn.role.value,
                                "content": turn.line if conversation.has_names else turn.content,
                                "dated": f"[{session.created_at:%d %B %Y}] {turn.line}",
                                "created_at": session.created_at.isoformat(),
                            }
                            for turn in session.turns
                        ],
                    }
                    for session in conversation.sessions
                ],
                "questions": [
                    {"text": question.text, "asked_at": question.asked_at.isoformat()}
                    for question in asked(conversation)
                ],
            }
            for conversation in conversations
        ],
    }


def asked(conversation: Conversation) -> list[Question]:
    """The questions that are measured: those whose evidence is in the conversation."""
    return [
        question
        for question in conversation.questions
        if question.category != ADVERSARIAL and question.evidence
    ]


def work(
    contender: Contender, python: Path, job: dict[str, Any], *, bulk: bool = False
) -> dict[str, Any]:
    """Has a worker do a job and returns what it measured. Raises SystemExit where it failed."""
    with tempfile.TemporaryDirectory(prefix="hitherto-peers-") as name:
        folder = Path(name)
        data = folder / "data"
        data.mkdir()
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        command = [str(python), str(PEERS / "worker.py"), str(contender.adapter)]
        done = subprocess.run(
            [*command, str(folder / "job.json"), str(data), *(["--bulk"] if bulk else [])],
            cwd=folder,
            env={**QUIET, "HOME": name, "MEM0_DIR": str(folder / "mem0"), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=WORKER_TIMEOUT_S,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"{contender.name} failed:\n{done.stderr[-4_000:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def filled(found: Sequence[str], budget_tokens: int, count: Callable[[str], int]) -> str:
    """A context of the best texts; one that is too long for what is left is passed over.

    Line breaks never join two tokens, so the tokens of the texts add up to those of the context.
    """
    chosen = []
    left = budget_tokens
    for text in found:
        tokens = count(text)
        if tokens <= left:
            chosen.append(text)
            left -= tokens
    return "\n".join(chosen)


def recall_of(
    answers: Sequence[dict[str, Any]],
    questions: Sequence[Question],
    budget_tokens: int,
    count: Callable[[str], int],
) -> float | None:
    """Mean share of the gold turns in the contexts, per cent; None where nothing was found."""
    if not any(answer["found"] for answer in answers):
        return None
    shares = []
    for answer, question in zip(answers, questions, strict=True):
        context = filled(answer["found"], budget_tokens, count)
        evidence = [turn.text for turn in question.evidence]
        score = score_context(context, evidence, question.answer, 0)
        shares.append(score.ev_recall or 0.0)
    return 100 * statistics.mean(shares)


def percentiles(samples: Sequence[float]) -> tuple[float, float]:
    """p50 and p95."""
    return statistics.median(samples), statistics.quantiles(samples, n=20)[18]


def round_of(
    contender: Contender,
    python: Path,
    conversations: Sequence[Conversation],
    cache_dir: Path,
    count: Callable[[str], int],
) -> Figures:
    """One round of one system over one set: messages one by one, questions, sessions in bulk."""
    job = job_of(conversations, cache_dir)
    questions = [question for conversation in conversations for question in asked(conversation)]
    load = os.getloadavg()[0]
    measured = work(contender, python, job)
    messages = len(measured["add_ms"])
    bulk = work(contender, python, job, bulk=True) if contender.bulk else measured
    answers = {budget: measured["answers"][str(budget)] for budget in BUDGETS_TOKENS}
    return Figures(
        add=percentiles(measured["add_ms"]),
        added_s=measured["added_s"],
        ready=measured["ready_s"] * 1_000 / messages,
        bulk=bulk["ready_s"] * 1_000 / messages,
        search={
            budget: percentiles([answer["ms"] for answer in given])
            for budget, given in answers.items()
        },
        recall={
            budget: recall_of(given, questions, budget, count) for budget, given in answers.items()
        },
        start_s=measured["start_s"],
        peak_mb=measured["peak_mb"],
        data_mb=measured["data_mb"],
        load=load,
    )


def install_table(environments: dict[str, Environment]) -> str:
    """Packages and megabytes, as Markdown."""
    lines = [
        "| system | version | packages | MB installed | packages, with the embedder | MB |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for name, one in environments.items():
        published = f"{one.packages} | {one.mb:.0f}" if one.version else "- | -"
        lines.append(
            f"| {name} | {one.version or '-'} | {published} "
            f"| {one.packages_with_embedder} | {one.mb_with_embedder:.0f} |"
        )
    return "\n".join(lines)


def median(rounds: Sequence[Figures], read: Callable[[Figures], float]) -> float:
    """The median of the rounds."""
    return statistics.median(read(one) for one in rounds)


def pair(rounds: Sequence[Figures], read: Callable[[Figures], tuple[float, float]]) -> str:
    """The medians of a p50 and of a p95."""
    p50 = median(rounds, lambda one: read(one)[0])
    p95 = median(rounds, lambda one: read(one)[1])
    return f"{p50:.1f} / {p95:.1f}"


def search_cell(rounds: Sequence[Figures], budget: int) -> str:
    """How long a search for a budget takes."""
    return pair(rounds, lambda one: one.search[budget])


def recall_cell(rounds: Sequence[Figures], budget: int) -> str:
    """The recall, which only a system with ties or chance in its ranking changes between rounds."""
    shares = [share for one in rounds if (share := one.recall[budget]) is not None]
    return f"{statistics.median(shares):.1f}" if shares else "-"


def figures_table(found: dict[str, list[Figures]]) -> str:
    """The medians of the rounds, as Markdown: a column for each system."""
    rows: list[tuple[str, Callable[[Sequence[Figures]], str]]] = [
        *(
            (f"`ev_recall` within {budget:,} tokens, %", partial(recall_cell, budget=budget))
            for budget in BUDGETS_TOKENS
        ),
        *(
            (
                f"search for {budget:,} tokens, ms: p50 / p95",
                partial(search_cell, budget=budget),
            )
            for budget in BUDGETS_TOKENS
        ),
        ("one message added, ms: p50 / p95", partial(pair, read=lambda one: one.add)),
        ("all added, s", lambda rounds: f"{median(rounds, lambda one: one.added_s):.1f}"),
        (
            "added until it can be found, ms a message",
            lambda rounds: f"{median(rounds, lambda one: one.ready):.1f}",
        ),
        (
            "the same, a session in each call",
            lambda rounds: f"{median(rounds, lambda one: one.bulk):.1f}",
        ),
        ("start, s", lambda rounds: f"{median(rounds, lambda one: one.start_s):.1f}"),
        ("RAM at the peak, MB", lambda rounds: f"{median(rounds, lambda one: one.peak_mb):.0f}"),
        ("data on disk, MB", lambda rounds: f"{median(rounds, lambda one: one.data_mb):.1f}"),
    ]
    lines = [f"| | {' | '.join(found)} |", f"|---{'|---:' * len(found)}|"]
    lines += [
        f"| {label} | {' | '.join(cell(rounds) for rounds in found.values())} |"
        for label, cell in rows
    ]
    return "\n".join(lines)


def measure(
    environments: dict[Contender, Environment],
    conversations: Sequence[Conversation],
    rounds: int,
    cache_dir: Path,
) -> dict[str, list[Figures]]:
    """All rounds over one set, the systems in turns; each round begins with another one."""
    count = lru_cache(maxsize=1 << 16)(open_embedder(cache_dir=cache_dir).count_tokens)
    contenders = list(environments)
    found: dict[str, list[Figures]] = {one.name: [] for one in contenders}
    for number in range(rounds):
        start = number * len(contenders) // rounds
        for contender in contenders[start:] + contenders[:start]:
            python = environments[contender].python
            figures = round_of(contender, python, conversations, cache_dir, count)
            found[contender.name].append(figures)
            print(f"round {number + 1}: {contender.name}: {figures}", file=sys.stderr)
    return found


def report(
    environments: dict[Contender, Environment],
    python_version: str,
    found: dict[str, dict[str, list[Figures]]],
    sets: dict[str, list[Conversation]],
) -> str:
    """Everything as Markdown: what was run, what it takes to install, and each set."""
    loads = [one.load for by_name in found.values() for each in by_name.values() for one in each]
    rounds = max(len(each) for by_name in found.values() for each in by_name.values())
    parts = [
        f"Python {python_version}, {platform.machine()}, {os.cpu_count()} cores; "
        f"medians of {rounds} rounds; load average when they began: {min(loads):.1f} to "
        f"{max(loads):.1f}, median {statistics.median(loads):.1f}.",
        install_table({one.name: each for one, each in environments.items()}),
    ]
    for name, conversations in sets.items():
        messages = sum(len(part.turns) for one in conversations for part in one.sessions)
        questions = sum(len(asked(one)) for one in conversations)
        parts += [
            f"**{name}**: {len(conversations)} users, {messages:,} messages, "
            f"{questions} questions with evidence.",
            figures_table(found[name]),
        ]
    return "\n\n".join(parts)


def put_into(page: Path, text: str) -> None:
    """Replaces what stands between the two marks of a page."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{page} lacks the line {BEGIN} or {END}")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Measure and print; write the page and the figures where that is asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", type=Path, nargs="+", metavar="CONVERSATIONS.json")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--system", action="append", choices=[one.name for one in CONTENDERS])
    parser.add_argument(
        "--python",
        type=Path,
        default=Path(sys.executable),
        help="Python of all environments; LangGraph's SQLite store needs one that was built to "
        "load SQLite extensions, and is left out otherwise",
    )
    parser.add_argument("--limit-conversations", type=int)
    parser.add_argument("--page", type=Path, help="page whose tables are replaced")
    parser.add_argument("--json", type=Path, help="file for the figures of each round")
    chosen = parser.parse_args()
    cache_dir = Settings().cache_dir
    open_embedder(cache_dir=cache_dir)  # builds the graph, so that no worker does
    sets = {
        path.stem: read_conversations(path, chosen.limit_conversations) for path in chosen.paths
    }
    python = interpreter(chosen.python)
    environments = {
        one: environment(one, python, cache_dir / "peers")
        for one in CONTENDERS
        if (not chosen.system or one.name in chosen.system)
        and (python.loads_extensions or not one.loads_extensions)
    }
    found: dict[str, dict[str, list[Figures]]] = {}
    for name, conversations in sets.items():
        found[name] = measure(environments, conversations, chosen.rounds, cache_dir)
        if chosen.json:
            rounds = {
                name: {system: [asdict(one) for one in each] for system, each in by_name.items()}
                for name, by_name in found.items()
            }
            chosen.json.write_text(json.dumps(rounds, indent=1), encoding="utf-8")
    text = report(environments, python.version, found, sets)
    print(text)
    if chosen.page:
        put_into(chosen.page, text)


if __name__ == "__main__":
    main()
