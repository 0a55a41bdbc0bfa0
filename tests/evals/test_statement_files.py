"""The labelled statements have the form that their README describes, and their score can tell."""

import json
from pathlib import Path
from typing import Any

import pytest
from evals.statements_score import ROOT, Report, kept_units

from evals import statements_score

UNITS = sorted(ROOT.rglob("units_*.jsonl"))
PAIRS = sorted(ROOT.rglob("pairs_*.jsonl"))
CASES = sorted(ROOT.rglob("kinds_*.jsonl"))
TIMES = {"now", "past", "future", "ended", "always"}
RELATIONS = {"same", "adds", "replaces", "ends", "conflicts", "unrelated"}


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_units_are_pieces_of_messages_of_the_user_in_order(path: Path) -> None:
    for conversation in entries(path):
        found = (0, 0)
        for unit in conversation["units"]:
            message = conversation["messages"][unit["m"]]
            assert message["role"] == "user"
            start = found[1] if unit["m"] == found[0] else 0
            at = message["text"].find(unit["text"], start)
            assert at >= 0, unit["text"]
            found = (unit["m"], at + len(unit["text"]))
            if unit["keep"]:
                assert unit["who"] in ("user", "other")
                assert unit["time"] in TIMES
                assert unit["slot"]
                assert not unit["reason"]
            else:
                assert unit["reason"]


def test_pairs_have_dates_in_order_and_a_relation() -> None:
    for path in PAIRS:
        for pair in entries(path):
            assert pair["relation"] in RELATIONS, pair
            assert pair["old"], pair
            assert pair["new"], pair
            assert pair["old_date"] <= pair["new_date"], pair


def test_cases_of_a_kind_stand_once_and_most_are_kept_aside() -> None:
    counts = {path.stem: len(entries(path)) for path in CASES}
    assert counts == {"kinds_open": 75, "kinds_aside": 150}
    texts = [json.dumps(case["messages"]) for path in CASES for case in entries(path)]
    assert len(set(texts)) == len(texts)


def conversation(keeps: dict[str, bool]) -> dict[str, Any]:
    """A conversation of one message, whose sentences are to be kept or not."""
    text = " ".join(keeps)
    units = [
        {"m": 0, "text": sentence, "keep": keep, "slot": "home", "reason": "mood"}
        for sentence, keep in keeps.items()
    ]
    messages = [{"role": "user", "text": text}]
    return {"lang": "en", "date": "2026-03-14", "messages": messages, "units": units}


def test_a_candidate_belongs_to_the_unit_with_its_words() -> None:
    labelled = conversation({"What time is it?": False, "I live in Porto.": True})
    assert kept_units(labelled) == ({1}, 0)


def test_the_tally_counts_what_is_found_missed_and_wrongly_kept() -> None:
    report = Report()
    report.add(conversation({"I live in Porto.": True, "Wine is red.": True}))
    report.add(conversation({"I live in Lisbon.": False}))
    total = report.total
    assert (total.wanted, total.found, total.wrong, total.spurious) == (2, 1, 1, 0)
    assert report.by_reason == {"mood": 1}
    assert sorted(report.mistakes) == ["+ Wine is red.", "- I live in Lisbon."]


def test_mistakes_of_what_is_kept_aside_are_not_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    aside = next(path for path in UNITS if path.parent.name == "kept_aside")
    monkeypatch.setattr("sys.argv", ["score", "--files", str(aside), "--show"])
    statements_score.main()
    assert "to keep" in (printed := capsys.readouterr().out)
    assert not [line for line in printed.splitlines() if line.startswith(("+ ", "- "))]
