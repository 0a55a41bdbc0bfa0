"""Runs an evaluation: fills a memory, asks every question, and scores the contexts."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from hitherto.client import Hitherto, Parts, User
from hitherto.embedding import open_embedder
from hitherto.errors import RecallrAIError
from hitherto.evaluation.baselines import Baseline, BaselineContexts
from hitherto.evaluation.conversations import Conversation, Question, read_conversations
from hitherto.evaluation.filling import QUESTION_METADATA, Filling, fill_memory
from hitherto.evaluation.scoring import ContextScore, score_context
from hitherto.models import MessageRole, RecallStrategy
from hitherto.settings import Settings

CountTokens = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Options:
    """Options of an evaluation.

    db: the file of the memory, kept for the next run; None: a temporary one.
    speaker_names: whether messages begin with "Name: "; None: unless speakers are User/Assistant.
    """

    path: Path
    strategies: tuple[RecallStrategy, ...] = (RecallStrategy.BALANCED,)
    budgets_tokens: tuple[int, ...] = (2000,)
    limit_conversations: int | None = None
    db: Path | None = None
    speaker_names: bool | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """Figures of one question. `latency_ms`: of `get_context`; None for a baseline."""

    question: Question
    score: ContextScore
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Measurements of the memory by strategy and budget, and of the baselines by budget."""

    conversations: Sequence[Conversation]
    filling: Filling
    asking_s: float
    recalled: dict[tuple[RecallStrategy, int], list[Measurement]]
    baselines: dict[tuple[Baseline, int], list[Measurement]]


def run_evaluation(
    options: Options, settings: Settings, console: Console
) -> tuple[Evaluation, str]:
    """Evaluates a memory of its own making; returns the figures and the embedder's name.

    console: shows the progress, if it is a terminal. Raises ValidationError for an unusable file,
    and whatever opening the memory and the embedder raise.
    """
    conversations = read_conversations(options.path, options.limit_conversations)
    embedder = open_embedder(
        weights_dir=settings.weights_dir,
        cache_dir=settings.cache_dir,
        allow_network=settings.allow_network,
    )
    with (
        _memory_file(options.db) as file,
        Hitherto(file, settings=settings, parts=Parts(embedder=embedder)) as memory,
        _progress(console) as progress,
    ):
        evaluation = evaluate(memory, conversations, options, embedder.count_tokens, progress)
    return evaluation, embedder.identity.name


def evaluate(
    memory: Hitherto,
    conversations: Sequence[Conversation],
    options: Options,
    count_tokens: CountTokens,
    progress: Progress,
) -> Evaluation:
    """Fill an open memory with the conversations and measure every strategy and budget."""
    setups = [
        (strategy, budget)
        for strategy in dict.fromkeys(options.strategies)
        for budget in dict.fromkeys(options.budgets_tokens)
    ]
    questions = sum(len(conversation.questions) for conversation in conversations)
    adding = progress.add_task("Adding conversations", total=len(conversations))
    processing = progress.add_task(
        "Processing sessions", total=sum(len(item.sessions) for item in conversations)
    )
    asking = progress.add_task("Asking questions", total=questions * len(setups))
    filling = fill_memory(
        memory,
        conversations,
        options.speaker_names,
        lambda done: progress.advance(adding, done),
        lambda done: progress.advance(processing, done),
    )
    evaluation = Evaluation(
        conversations,
        filling,
        asking_s=0.0,
        recalled={setup: [] for setup in setups},
        baselines={(item, budget): [] for item in Baseline for _, budget in setups},
    )
    asking_s = 0.0
    for conversation in conversations:
        started = perf_counter()
        user = memory.get_user(conversation.user_id)
        for (strategy, budget), measurements in evaluation.recalled.items():
            for question in conversation.questions:
                context, latency_ms = ask(user, question, strategy, budget)
                score = _score(context, question, count_tokens)
                measurements.append(Measurement(question, score, latency_ms))
                progress.advance(asking)
        asking_s += perf_counter() - started
        _measure_baselines(evaluation, conversation, count_tokens)
    return replace(evaluation, asking_s=asking_s)


def ask(
    user: User, question: Question, strategy: RecallStrategy, budget_tokens: int
) -> tuple[str, float]:
    """Ask in a session of its own, which is deleted again.

    Returns the context, and the milliseconds that `get_context` alone took with the user's memory
    loaded. Raises RecallrAIError where no context came.
    """
    session = user.create_session(
        auto_process_after_seconds=None,
        metadata=QUESTION_METADATA,
        custom_created_at_utc=question.asked_at,
    )
    try:
        # Deleting the last question's session unloads the user's memory, which applications do not
        # do between questions. A session that asks nothing loads it and embeds nothing.
        session.get_context(RecallStrategy.LOW_LATENCY, include_system_prompt=False)
        session.add_message(MessageRole.USER, question.text)
        started = perf_counter()
        response = session.get_context(
            recall_strategy=strategy, max_tokens=budget_tokens, include_system_prompt=False
        )
        latency_ms = (perf_counter() - started) * 1000
    finally:
        session.delete()
    if response.context is None:
        raise RecallrAIError(
            f"no context for question {question.question_id}: {response.error_message}"
        )
    return response.context, latency_ms


def _measure_baselines(
    evaluation: Evaluation, conversation: Conversation, count_tokens: CountTokens
) -> None:
    contexts = BaselineContexts(conversation, count_tokens)
    for (baseline, budget), measurements in evaluation.baselines.items():
        for question in conversation.questions:
            context = contexts.context(baseline, question.text, budget)
            score = _score(context, question, count_tokens)
            measurements.append(Measurement(question, score))


def _score(context: str, question: Question, count_tokens: CountTokens) -> ContextScore:
    texts = [turn.text for turn in question.evidence]
    return score_context(context, texts, question.answer, count_tokens(context))


@contextmanager
def _memory_file(db: Path | None) -> Iterator[Path]:
    if db is not None:
        yield db
        return
    with tempfile.TemporaryDirectory(prefix="hitherto-eval-") as folder:
        yield Path(folder) / "memory.db"


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
