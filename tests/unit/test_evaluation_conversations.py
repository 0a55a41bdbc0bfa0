"""Reading conversation sets: turns, dates, keys with odd forms, and files that are none."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hitherto.errors import ValidationError
from hitherto.evaluation.conversations import Conversation, parse_instant, read_conversations
from hitherto.models import MessageRole


def turn(turn_id: str, speaker: str, text: str, **more: str) -> dict[str, str]:
    return {"dia_id": turn_id, "speaker": speaker, "text": text, **more}


def sample(**changes: Any) -> dict[str, Any]:
    conversation = {
        "speaker_a": "Ines",
        "speaker_b": "Otto",
        "session_2_date_time": "9:05 am on 3 March, 2024",
        "session_2": [turn("D2:1", "Otto", "The kiln arrived yesterday.")],
        "session_10_date_time": "7:30 pm on 14 April, 2024",
        "session_10": [
            turn("D10:1", "Ines", "Look at this!", blip_caption="a green bowl on a shelf"),
            turn("D10:2", "Otto", "Did you glaze it yourself?"),
        ],
        "session_1_date_time": "12:10 am on 1 March, 2024",
        "session_1": [turn("D1:1", "Ines", "I ordered a kiln."), turn("D1:2", "Otto", "Big one?")],
    }
    questions = [{"id": "q1", "question": "What was ordered?", "answer": "a kiln", "category": 4}]
    questions[0]["evidence"] = ["D1:1"]
    return {"sample_id": "pots", "conversation": conversation, "qa": questions} | changes


def read(tmp_path: Path, content: Any, limit: int | None = None) -> list[Conversation]:
    path = tmp_path / "small set.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return read_conversations(path, limit)


def with_question(tmp_path: Path, **fields: Any) -> Any:
    question = {"question": "What?", "evidence": [], "category": 1} | fields
    return read(tmp_path, [sample(qa=[question])])[0].questions[0]


def evidence_ids(question: Any) -> list[str]:
    return [turn.turn_id for turn in question.evidence]


def test_sessions_are_in_the_order_of_their_dates_not_of_their_keys(tmp_path: Path) -> None:
    sessions = read(tmp_path, [sample()])[0].sessions
    assert [session.number for session in sessions] == [1, 2, 10]
    assert sessions[0].created_at == datetime(2024, 3, 1, 0, 10, tzinfo=UTC)
    assert sessions[2].created_at == datetime(2024, 4, 14, 19, 30, tzinfo=UTC)


def test_the_first_speaker_is_the_user_and_the_second_the_assistant(tmp_path: Path) -> None:
    first, second = read(tmp_path, [sample()])[0].sessions[0].turns
    assert (first.role, second.role) == (MessageRole.USER, MessageRole.ASSISTANT)


def test_a_pictures_caption_stands_in_brackets_behind_the_text(tmp_path: Path) -> None:
    picture = read(tmp_path, [sample()])[0].sessions[2].turns[0]
    assert picture.text == "Look at this!"
    assert picture.line == "Ines: Look at this! [a green bowl on a shelf]"


def test_a_user_id_is_made_of_file_and_conversation_without_forbidden_characters(
    tmp_path: Path,
) -> None:
    assert read(tmp_path, [sample(sample_id="a/b?c")])[0].user_id == "small-set:a-b-c"


def test_names_are_told_from_user_and_assistant(tmp_path: Path) -> None:
    nameless = sample()
    nameless["conversation"] = {
        "speaker_a": "User",
        "speaker_b": "Assistant",
        "session_1_date_time": "2024-05-01",
        "session_1": [turn("D1:1", "User", "Good morning.")],
    }
    named, plain = read(tmp_path, [sample(), nameless | {"sample_id": "plain"}])
    assert named.has_names
    assert not plain.has_names


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (["D1:1; D10:2"], ["D1:1", "D10:2"]),
        (["D2:1 D1:2,D10:1"], ["D2:1", "D1:2", "D10:1"]),
        (["D:10:2"], ["D10:2"]),
        (["D01:02"], ["D1:2"]),
        (["D1:1", "D1:1; D1:1"], ["D1:1"]),
        (["D1:1", "D"], ["D1:1"]),
        (["D1:9"], []),
    ],
)
def test_keys_with_odd_forms_name_their_turns(
    tmp_path: Path, key: list[str], expected: list[str]
) -> None:
    assert evidence_ids(with_question(tmp_path, evidence=key)) == expected


def test_turns_that_a_key_names_in_vain_are_counted(tmp_path: Path) -> None:
    assert with_question(tmp_path, evidence=["D1:1; D1:9", "D"]).unknown_evidence == 2


def test_a_correction_replaces_answer_and_evidence(tmp_path: Path) -> None:
    correction = {"error_type": "X", "correct_answer": "two", "correct_evidence": ["D2:1"]}
    question = with_question(tmp_path, answer="one", evidence=["D1:1"], corrected=correction)
    assert (question.answer, evidence_ids(question), question.corrected) == ("two", ["D2:1"], True)


@pytest.mark.parametrize(
    ("category", "name"), [(1, "multi-hop"), (5, "adversarial"), ("update", "update")]
)
def test_categories_have_names(tmp_path: Path, category: object, name: str) -> None:
    assert with_question(tmp_path, category=category).category == name


def test_a_question_is_asked_a_day_after_the_last_session_or_on_its_own_date(
    tmp_path: Path,
) -> None:
    dated = with_question(tmp_path, question_date="2025-01-02T03:04:00+00:00")
    assert with_question(tmp_path).asked_at == datetime(2024, 4, 15, 19, 30, tzinfo=UTC)
    assert dated.asked_at == datetime(2025, 1, 2, 3, 4, tzinfo=UTC)


def test_an_answer_may_be_a_number_or_missing(tmp_path: Path) -> None:
    assert with_question(tmp_path, answer=2022).answer == "2022"
    assert with_question(tmp_path).answer is None


@pytest.mark.parametrize(
    "text", ["1:56 pm on 8 May, 2023", "2023/05/08 (Mon) 13:56", "2023-05-08T15:56:00+02:00"]
)
def test_dates_are_read_in_several_forms(text: str) -> None:
    assert parse_instant(text) == datetime(2023, 5, 8, 13, 56, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "May", "soon", "", None, 5])
def test_what_is_not_a_full_date_is_refused(text: object) -> None:
    with pytest.raises(ValidationError, match="is not a date"):
        parse_instant(text)


def test_the_limit_keeps_the_first_conversations(tmp_path: Path) -> None:
    samples = [sample(), sample(sample_id="second"), sample(sample_id="third")]
    assert [item.user_id for item in read(tmp_path, samples, 2)] == [
        "small-set:pots",
        "small-set:second",
    ]


def test_the_digest_changes_with_what_was_said_and_not_with_the_questions(tmp_path: Path) -> None:
    changed = sample()
    changed["conversation"]["session_2"][0]["text"] = "The kiln arrived today."
    plain = read(tmp_path, [sample()])[0].digest
    assert read(tmp_path, [sample(qa=[])])[0].digest == plain
    assert read(tmp_path, [changed])[0].digest != plain


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"cannot read .*absent\.json"):
        read_conversations(tmp_path / "absent.json")


def test_what_is_not_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    path.write_bytes(b"\xff\xfe no")
    with pytest.raises(ValidationError, match=r"notes\.json is not JSON"):
        read_conversations(path)


def broken(**conversation: Any) -> list[Any]:
    one = sample()
    one["conversation"] |= conversation
    return [one]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"data": []}, "expected a list"),
        ([], "expected a list"),
        (["text"], "conversation 1: it is not an object"),
        ([{"qa": []}], "'conversation' is not an object"),
        (broken(session_2={}), "'session_2' is not a list"),
        (broken(session_2_date_time="some day"), "'some day' is not a date"),
        (broken(session_2=[turn("D2:1", "Eve", "Hi.")]), "session_2, turn 1 has the speaker 'Eve'"),
        (broken(speaker_b=None), "'speaker_b' is missing"),
        (broken(speaker_b="Ines"), "are the same"),
        ([sample(qa=[{"evidence": []}])], "'question' is missing"),
        ([sample(qa=[{"question": "?", "evidence": "D1:1"}])], "'evidence' of question 1"),
    ],
)
def test_another_format_is_refused_with_the_place(
    tmp_path: Path, content: Any, message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        read(tmp_path, content)


def test_two_conversations_with_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="two conversations"):
        read(tmp_path, [sample(), sample()])
