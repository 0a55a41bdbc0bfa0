"""Figures per category, as tables and as JSON."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from hitherto.evaluation.baselines import Baseline
from hitherto.evaluation.conversations import ADVERSARIAL
from hitherto.evaluation.runner import Evaluation, Measurement, Options

OVERALL = "overall"
SYSTEM = "hitherto"

Figures = dict[str, float | int | None]


def figures(measurements: Sequence[Measurement]) -> Figures:
    """Return the means over questions; None where no question has the figure.

    questions, with_evidence, with_short_answer: how many questions each mean is over.
    ev_recall, ev_all, answer_in: shares from 0 to 1. tokens_*: length of the contexts.
    latency_*_ms: percentiles of the time that `get_context` took.
    """
    scores = [measurement.score for measurement in measurements]
    recalls = [score.ev_recall for score in scores if score.ev_recall is not None]
    complete = [score.ev_all for score in scores if score.ev_all is not None]
    answers = [score.answer_in for score in scores if score.answer_in is not None]
    tokens = [score.tokens for score in scores]
    latencies = [
        measurement.latency_ms for measurement in measurements if measurement.latency_ms is not None
    ]
    return {
        "questions": len(measurements),
        "with_evidence": len(recalls),
        "with_short_answer": len(answers),
        "ev_recall": _mean(recalls),
        "ev_all": _mean(complete),
        "answer_in": _mean(answers),
        "tokens_mean": _mean(tokens),
        "tokens_max": max(tokens, default=None),
        "latency_p50_ms": _percentile(latencies, 50),
        "latency_p95_ms": _percentile(latencies, 95),
    }


def by_category(measurements: Sequence[Measurement]) -> dict[str, Figures]:
    """Return the figures of each category, by name, then overall without adversarial questions."""
    names = sorted({measurement.question.category for measurement in measurements})
    table = {
        name: figures(
            [measurement for measurement in measurements if measurement.question.category == name]
        )
        for name in names
    }
    table[OVERALL] = figures(
        [
            measurement
            for measurement in measurements
            if measurement.question.category != ADVERSARIAL
        ]
    )
    return table


def tables(evaluation: Evaluation) -> Iterable[Table]:
    """Return a table per strategy and budget, categories as rows, shares in per cent."""
    for (strategy, budget), measurements in evaluation.recalled.items():
        ours = by_category(measurements)
        theirs = {
            baseline: by_category(evaluation.baselines[baseline, budget]) for baseline in Baseline
        }
        table = Table(
            title=f"{strategy.value}, {budget:,} tokens",
            title_justify="left",
            box=None,
            padding=(0, 1, 0, 0),
            pad_edge=False,
        )
        table.add_column("category", no_wrap=True)
        for heading in (
            "ques-\ntions",
            "ev_recall\nHitherto",
            "\nBM25",
            "\nhistory",
            "ev_all\n",
            "answer_in\n",
            "tokens\nmean",
            "\nmax",
            "ms\np50",
            "\np95",
        ):
            table.add_column(heading, justify="right", no_wrap=True)
        for name, row in ours.items():
            table.add_row(
                Text(f"{name} *" if name == ADVERSARIAL else name),
                str(row["questions"]),
                _share(row["ev_recall"]),
                _share(theirs[Baseline.BM25][name]["ev_recall"]),
                _share(theirs[Baseline.HISTORY][name]["ev_recall"]),
                _share(row["ev_all"]),
                _share(row["answer_in"]),
                _number(row["tokens_mean"], 0),
                _number(row["tokens_max"], 0),
                _number(row["latency_p50_ms"], 1),
                _number(row["latency_p95_ms"], 1),
                style="bold" if name == OVERALL else None,
            )
        yield table


def notes(evaluation: Evaluation) -> list[str]:
    """Return notes for readers of the tables, one per line."""
    filling = evaluation.filling
    questions = [
        question for conversation in evaluation.conversations for question in conversation.questions
    ]
    lines = [
        f"conversations: {len(evaluation.conversations)} ({filling.reused} already in the memory);"
        f" sessions: {_sessions(evaluation)}; questions: {len(questions):,}; adding"
        f" {filling.adding_s:.1f} s, processing {filling.processing_s:.1f} s, asking"
        f" {evaluation.asking_s:.1f} s",
        "ev_recall, ev_all and answer_in in per cent; tokens and ms are Hitherto's",
    ]
    if any(question.category == ADVERSARIAL for question in questions):
        lines.append("* not in overall: the conversation does not have the answer")
    without = sum(not question.evidence for question in questions)
    unknown = sum(question.unknown_evidence for question in questions)
    if without or unknown:
        lines.append(
            f"questions without evidence, and so without ev_recall: {without}; turns that keys name"
            f" and conversations do not have: {unknown}"
        )
    if filling.failed_sessions:
        lines.append(f"sessions that FAILED, missing from the memory: {filling.failed_sessions}")
    return lines


def as_json(
    evaluation: Evaluation, options: Options, version: str, embedder: str, ran_at: datetime
) -> dict[str, Any]:
    """Return all measurements as a JSON object, without texts of the conversation set."""
    filling = evaluation.filling
    questions = [
        question for conversation in evaluation.conversations for question in conversation.questions
    ]
    return {
        "hitherto_version": version,
        "ran_at": ran_at.isoformat(),
        "embedder": embedder,
        "conversation_set": options.path.name,
        "settings": {
            "strategies": [strategy.value for strategy in options.strategies],
            "max_tokens": list(options.budgets_tokens),
            "limit_conversations": options.limit_conversations,
            "speaker_names": options.speaker_names,
            "include_system_prompt": False,
            "memory_kept": options.db is not None,
        },
        "counts": {
            "conversations": len(evaluation.conversations),
            "conversations_reused": filling.reused,
            "sessions": _sessions(evaluation),
            "sessions_failed": filling.failed_sessions,
            "turns": sum(
                len(session.turns)
                for conversation in evaluation.conversations
                for session in conversation.sessions
            ),
            "questions": len(questions),
            "questions_without_evidence": sum(not question.evidence for question in questions),
            "questions_with_corrected_key": sum(question.corrected for question in questions),
            "evidence_not_in_conversation": sum(
                question.unknown_evidence for question in questions
            ),
        },
        "wall_s": {
            "adding": filling.adding_s,
            "processing": filling.processing_s,
            "asking": evaluation.asking_s,
        },
        "left_out_of_overall": [ADVERSARIAL],
        "results": [
            {
                "strategy": strategy.value,
                "max_tokens": budget,
                "by_category": {
                    SYSTEM: by_category(measurements),
                    **{
                        baseline.value: by_category(evaluation.baselines[baseline, budget])
                        for baseline in Baseline
                    },
                },
                "by_question": [_question_figures(item) for item in measurements],
            }
            for (strategy, budget), measurements in evaluation.recalled.items()
        ],
    }


def _question_figures(measurement: Measurement) -> dict[str, Any]:
    score = measurement.score
    return {
        "id": measurement.question.question_id,
        "category": measurement.question.category,
        "ev_recall": score.ev_recall,
        "ev_all": score.ev_all,
        "answer_in": score.answer_in,
        "tokens": score.tokens,
        "latency_ms": measurement.latency_ms,
    }


def _sessions(evaluation: Evaluation) -> int:
    return sum(len(conversation.sessions) for conversation in evaluation.conversations)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _percentile(values: Sequence[float], percent: int) -> float | None:
    return float(np.percentile(values, percent)) if values else None


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _number(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:,.{decimals}f}"
