"""A whole run over a small set, with the real client and a fake embedder."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress
from tests.fakes import HashEmbedder

from hitherto import Hitherto, Parts
from hitherto.errors import ValidationError
from hitherto.evaluation.baselines import Baseline
from hitherto.evaluation.conversations import Conversation, DatedSession, Question, Turn
from hitherto.evaluation.filling import QUESTION_METADATA
from hitherto.evaluation.report import as_json, by_category, figures, notes, tables
from hitherto.evaluation.runner import Evaluation, Measurement, Options, evaluate
from hitherto.evaluation.scoring import ContextScore
from hitherto.models import MessageRole, RecallStrategy

EMBEDDER = HashEmbedder()
OPTIONS = Options(
    Path("small.json"),
    strategies=(RecallStrategy.LOW_LATENCY, RecallStrategy.BALANCED),
    budgets_tokens=(200, 400),
)
LAST_DAY = datetime(2024, 2, 9, 18, tzinfo=UTC)


def turn(turn_id: str, role: MessageRole, text: str) -> Turn:
    speaker = "Mara" if role is MessageRole.USER else "Piet"
    return Turn(turn_id, speaker, role, text, None)


GOLD = turn("D1:1", MessageRole.USER, "I bought a cello from the music shop in Ghent.")
OTHER = turn("D2:1", MessageRole.USER, "The roof of our greenhouse was broken by hail.")


def question(question_id: str, category: str, text: str, *evidence: Turn) -> Question:
    asked_at = LAST_DAY + timedelta(days=1)
    return Question(question_id, category, text, "Ghent", evidence, 0, asked_at, False)


@pytest.fixture
def conversation() -> Conversation:
    reply = turn("D1:2", MessageRole.ASSISTANT, "Lovely, will you take lessons?")
    first = DatedSession(1, LAST_DAY - timedelta(days=8), (GOLD, reply))
    second = DatedSession(2, LAST_DAY, (OTHER,))
    questions = (
        question("q1", "single-hop", "Where did Mara buy the cello?", GOLD),
        question("q2", "adversarial", "Where did Piet buy the harp?", GOLD),
        question("q3", "open-domain", "Is Mara musical?"),
    )
    return Conversation("small:one", (first, second), questions, True, "digest-1")


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[], Hitherto]]:
    """Opens the same file again each time; closes all at the end."""
    clients: list[Hitherto] = []

    def open_again() -> Hitherto:
        for client in clients:
            client.close()
        clients.append(Hitherto(tmp_path / "memory.db", parts=Parts(embedder=EMBEDDER)))
        return clients[-1]

    yield open_again
    for client in clients:
        client.close()


def run(memory: Hitherto, conversation: Conversation, options: Options = OPTIONS) -> Evaluation:
    with Progress(disable=True) as progress:
        return evaluate(memory, [conversation], options, EMBEDDER.count_tokens, progress)


def test_every_question_is_measured_for_every_strategy_and_budget(
    opened: Callable[[], Hitherto], conversation: Conversation
) -> None:
    evaluation = run(opened(), conversation)
    assert len(evaluation.recalled) == 4
    assert len(evaluation.baselines) == 4
    for measurements in [*evaluation.recalled.values(), *evaluation.baselines.values()]:
        assert [measurement.question.question_id for measurement in measurements] == [
            "q1",
            "q2",
            "q3",
        ]


def test_the_evidence_is_found_and_the_budget_kept(
    opened: Callable[[], Hitherto], conversation: Conversation
) -> None:
    evaluation = run(opened(), conversation)
    for (_, budget), measurements in evaluation.recalled.items():
        assert measurements[0].score.ev_recall == 1.0
        assert measurements[0].score.answer_in is True
        assert all(0 < measurement.score.tokens <= budget for measurement in measurements)
        assert all(
            measurement.latency_ms is not None and measurement.latency_ms > 0
            for measurement in measurements
        )
    assert evaluation.baselines[Baseline.BM25, 200][0].score.ev_recall == 1.0


def test_sessions_are_added_with_names_and_dates_and_processed(
    opened: Callable[[], Hitherto], conversation: Conversation
) -> None:
    memory = opened()
    run(memory, conversation)
    newest, oldest = memory.get_user("small:one").list_sessions().sessions
    assert newest.created_at == LAST_DAY
    assert oldest.processed_at is not None
    assert [message.content for message in oldest.get_messages().messages] == [
        "Mara: I bought a cello from the music shop in Ghent.",
        "Piet: Lovely, will you take lessons?",
    ]


def test_names_can_be_left_out(opened: Callable[[], Hitherto], conversation: Conversation) -> None:
    memory = opened()
    run(memory, conversation, dataclasses.replace(OPTIONS, speaker_names=False))
    newest = memory.get_user("small:one").list_sessions().sessions[0]
    assert newest.get_messages().messages[0].content == OTHER.text


def test_no_session_of_a_question_is_left(
    opened: Callable[[], Hitherto], conversation: Conversation
) -> None:
    memory = opened()
    run(memory, conversation)
    assert memory.get_user("small:one").list_sessions().total == 2


def test_a_filled_memory_is_used_again_and_left_over_questions_are_removed(
    opened: Callable[[], Hitherto], conversation: Conversation
) -> None:
    memory = opened()
    first = run(memory, conversation)
    user = memory.get_user("small:one")
    before = {session.session_id for session in user.list_sessions().sessions}
    user.create_session(None, metadata=QUESTION_METADATA)
    memory = opened()
    second = run(memory, conversation)
    after = memory.get_user("small:one").list_sessions().sessions
    assert (first.filling.added, first.filling.reused) == (1, 0)
    assert (second.filling.added, second.filling.reused) == (0, 1)
    assert {item.session_id for item in after} == before


def test_a_conversation_that_was_left_half_done_is_added_again(
    opened: Callable[[], Hitherto], conversation: Conversation
) -> None:
    memory = opened()
    run(memory, conversation)
    user = memory.get_user("small:one")
    user.update(new_metadata={**user.metadata, "evaluation_complete": False})
    user.create_session(None)
    again = run(memory, conversation)
    assert again.filling.added == 1
    assert memory.get_user("small:one").list_sessions().total == 2


def test_a_memory_filled_with_something_else_is_refused(
    opened: Callable[[], Hitherto], conversation: Conversation
) -> None:
    memory = opened()
    run(memory, conversation)
    with pytest.raises(ValidationError, match="other content for user 'small:one'"):
        run(memory, dataclasses.replace(conversation, digest="digest-2"))
    with pytest.raises(ValidationError, match="other content"):
        run(memory, conversation, dataclasses.replace(OPTIONS, speaker_names=False))


def measured(
    category: str, recall: float | None, tokens: int, latency_ms: float | None = None
) -> Measurement:
    complete = None if recall is None else recall == 1.0
    score = ContextScore(recall, complete, None, tokens)
    return Measurement(question("q", category, "?"), score, latency_ms)


def test_figures_are_means_over_the_questions_that_have_them() -> None:
    row = figures(
        [
            measured("a", 1.0, 100, 1.0),
            measured("a", 0.5, 300, 3.0),
            measured("a", None, 200, 2.0),
        ]
    )
    assert (row["questions"], row["with_evidence"], row["with_short_answer"]) == (3, 2, 0)
    assert (row["ev_recall"], row["ev_all"], row["answer_in"]) == (0.75, 0.5, None)
    assert (row["tokens_mean"], row["tokens_max"]) == (200.0, 300)
    assert row["latency_p50_ms"] == 2.0
    assert row["latency_p95_ms"] == pytest.approx(2.9)


def test_adversarial_questions_have_a_row_and_no_part_in_overall() -> None:
    table = by_category([measured("a", 1.0, 10), measured("adversarial", 0.0, 90)])
    assert list(table) == ["a", "adversarial", "overall"]
    assert table["adversarial"]["ev_recall"] == 0.0
    assert (table["overall"]["questions"], table["overall"]["ev_recall"]) == (1, 1.0)


def test_the_report_holds_all_figures_and_none_of_the_texts(
    opened: Callable[[], Hitherto], conversation: Conversation
) -> None:
    evaluation = run(opened(), conversation)
    report = as_json(evaluation, OPTIONS, "1.2.3", "hash-64", LAST_DAY)
    text = json.dumps(report)
    assert report["hitherto_version"] == "1.2.3"
    assert report["ran_at"] == "2024-02-09T18:00:00+00:00"
    assert report["counts"]["sessions"] == 2
    assert report["counts"]["questions_without_evidence"] == 1
    assert [(row["strategy"], row["max_tokens"]) for row in report["results"]] == [
        ("low_latency", 200),
        ("low_latency", 400),
        ("balanced", 200),
        ("balanced", 400),
    ]
    by_system = report["results"][0]["by_category"]
    assert list(by_system) == ["hitherto", "bm25", "history"]
    assert by_system["hitherto"]["overall"]["questions"] == 2
    assert "cello" not in text


def test_the_table_sets_recall_beside_both_baselines(
    opened: Callable[[], Hitherto], conversation: Conversation
) -> None:
    evaluation = run(opened(), conversation)
    out = Console(file=StringIO(), width=120)
    for table in tables(evaluation):
        out.print(table)
    for note in notes(evaluation):
        out.print(note)
    assert isinstance(out.file, StringIO)
    output = out.file.getvalue()
    assert "balanced, 400 tokens" in output
    assert all(heading in output for heading in ("Hitherto", "BM25", "history", "overall"))
    assert "adversarial *" in output
    assert "* not in overall" in output
    assert max(map(len, output.splitlines())) <= 120
