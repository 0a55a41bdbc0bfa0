"""Whoever knows the hosted service's client finds the same names, parameters and errors here."""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from tests.client.scripted import CONFLICT, Scripted, answer, session_answer, user_answer

import hitherto
import hitherto.exceptions
import hitherto.models
from hitherto import (
    AsyncHitherto,
    AsyncRecallrAI,
    MergeConflictAnswer,
    Parts,
    RecallrAI,
    Settings,
)
from hitherto.errors import MergeConflictInvalidAnswerError, ValidationError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it declares its models in a way that pydantic deprecates
    import recallrai
    import recallrai.exceptions
    import recallrai.models

PAIRS = [
    (recallrai, hitherto),
    (recallrai.models, hitherto.models),
    (recallrai.exceptions, hitherto.exceptions),
]
CLASSES = [name for name in recallrai.__all__ if inspect.isclass(getattr(recallrai, name))]
DELIBERATE = {
    ("RecallrAI.__init__", "base_url"): "http://127.0.0.1:8000",
    ("AsyncRecallrAI.__init__", "base_url"): "http://127.0.0.1:8000",
    ("User.update", "merge_conflict_enabled"): hitherto.api.UNSET,
    ("AsyncUser.update", "merge_conflict_enabled"): hitherto.api.UNSET,
}
"""Defaults that differ: data never goes to the hosted service by mistake, and None can be said."""


@pytest.mark.parametrize(("theirs", "ours"), PAIRS, ids=["package", "models", "exceptions"])
def test_every_public_name_is_there(theirs: Any, ours: Any) -> None:
    assert [name for name in theirs.__all__ if not hasattr(ours, name)] == []


def test_the_exceptions_stand_in_the_same_relation() -> None:
    for name in recallrai.exceptions.__all__:
        theirs = {base.__name__ for base in getattr(recallrai.exceptions, name).__mro__}
        ours = {base.__name__ for base in getattr(hitherto.exceptions, name).__mro__}
        assert theirs <= ours, name


def methods() -> list[tuple[str, Callable[..., Any], Callable[..., Any]]]:
    found = []
    for class_name in CLASSES:
        theirs, ours = getattr(recallrai, class_name), getattr(hitherto, class_name)
        for name, method in inspect.getmembers(theirs, inspect.isfunction):
            entry = class_name.endswith("RecallrAI") and name == "__init__"
            if entry or not name.startswith("_"):
                found.append((f"{class_name}.{name}", method, getattr(ours, name)))
    return found


@pytest.mark.parametrize(
    ("name", "theirs", "ours"), methods(), ids=[name for name, _, _ in methods()]
)
def test_every_method_takes_the_same_parameters(name: str, theirs: Any, ours: Any) -> None:
    wanted = list(inspect.signature(theirs).parameters.values())
    given = list(inspect.signature(ours).parameters.values())
    assert [item.name for item in given[: len(wanted)]] == [item.name for item in wanted]
    for mine, item in zip(given, wanted, strict=False):
        default = DELIBERATE.get((name, item.name), item.default)
        assert mine.default == default, item.name
        assert mine.kind is item.kind, item.name
    for extra in given[len(wanted) :]:
        assert extra.default is not inspect.Parameter.empty, extra.name


def test_every_method_is_a_coroutine_exactly_where_theirs_is() -> None:
    for name, theirs, ours in methods():
        assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(theirs), name


ATTRIBUTES = {
    "User": {"user_id", "metadata", "merge_conflict_enabled", "created_at", "last_active_at"},
    "Session": {"session_id", "status", "created_at", "metadata"},
    "MergeConflict": {
        "user_id",
        "conflict_id",
        "status",
        "proposed_memory_content",
        "new_memories",
        "conflicting_memories",
        "clarifying_questions",
        "created_at",
        "resolved_at",
        "resolution_data",
    },
}


@pytest.mark.parametrize("prefix", ["", "Async"])
@pytest.mark.parametrize("name", ATTRIBUTES)
def test_every_attribute_of_an_object_is_a_property(name: str, prefix: str) -> None:
    found = getattr(hitherto, prefix + name)
    assert {
        item for item in ATTRIBUTES[name] if not isinstance(getattr(found, item), property)
    } == (set())


def test_every_field_of_a_model_is_there() -> None:
    for name in recallrai.models.__all__:
        theirs = getattr(recallrai.models, name)
        ours = getattr(hitherto.models, name)
        if hasattr(theirs, "model_fields"):
            assert set(theirs.model_fields) <= set(ours.__dataclass_fields__), name
        else:
            assert {item.value for item in theirs} <= {item.value for item in ours}, name
            assert set(theirs.__members__) <= set(ours.__members__), name


@pytest.mark.parametrize("kind", [RecallrAI, AsyncRecallrAI])
def test_a_key_of_another_form_is_a_value_error(kind: Any) -> None:
    with pytest.raises(ValueError, match="rai_"):
        kind(api_key="sk-1", project_id="p-1")


async def test_the_hosted_constructor_opens_a_server_of_ones_own() -> None:
    async with AsyncRecallrAI("rai_key", "p-1") as client:
        assert isinstance(client, AsyncHitherto)
    with RecallrAI(
        api_key="rai_key", project_id="p-1", base_url="http://[::1]:9", timeout=5
    ) as one:
        assert isinstance(one, hitherto.Hitherto)


async def test_a_conflict_is_read_answered_and_read_again() -> None:
    def conflict(**fields: Any) -> Any:
        return answer(200, {"conflict": CONFLICT | fields})

    invalid = "Invalid answer 'Rome' for question 'Where?'. Valid options are: ['Porto', 'Lisbon']"
    server = Scripted(
        user_answer(),
        answer(200, {"conflicts": [CONFLICT], "total": 1, "has_more": False}),
        answer(400, {"detail": invalid}),
        conflict(status="IN_QUEUE"),
        conflict(status="RESOLVED", resolved_at="2025-03-15T10:00:00Z", new_memories=[]),
    )
    async with AsyncHitherto(
        "http://memory.test", api_key="rai_key", project_id="p-1", parts=server.parts
    ) as memory:
        user = await memory.get_user("alice")
        page = await user.list_merge_conflicts(sort_by="resolved_at", sort_order="asc")
        assert isinstance(page, hitherto.MergeConflictList)
        (found,) = page.conflicts
        question = found.clarifying_questions[0]
        assert (found.conflict_id, found.session_id, found.user_id) == ("c-1", "s-1", "alice")
        with pytest.raises(MergeConflictInvalidAnswerError):
            await found.resolve([MergeConflictAnswer(question=question.question, answer="Rome")])
        assert found.status == "PENDING"
        await found.resolve([MergeConflictAnswer(question=question.question, answer="Porto")])
        assert found.status == "IN_QUEUE"
        await found.refresh()
        assert (found.status, found.new_memories) == ("RESOLVED", [])
        assert found.resolved_at is not None
    assert dict(server.requests[1].url.params) == {
        "offset": "0",
        "limit": "10",
        "sort_by": "resolved_at",
        "sort_order": "asc",
    }


async def test_a_session_whose_metadata_is_not_given_stays_without_a_request() -> None:
    server = Scripted(user_answer(), session_answer())
    async with AsyncHitherto(
        "http://memory.test", api_key="rai_key", project_id="p-1", parts=server.parts
    ) as memory:
        session = await (await memory.get_user("alice")).get_session("s-1")
        await session.update()
    assert len(server.requests) == 2


REMOTE = {"api_key": "rai_key", "project_id": "p-1"}


@pytest.mark.parametrize("kind", [hitherto.Hitherto, AsyncHitherto])
@pytest.mark.parametrize(
    ("location", "arguments", "named"),
    [
        ("http://memory.test", {"api_key": "rai_key"}, "project_id"),
        ("https://memory.test", {"project_id": "p-1"}, "api_key"),
        ("http://memory.test", {"api_key": "", "project_id": "p-1"}, "api_key"),
        ("http://memory.test", {"api_key": "rai_\n", "project_id": "p-1"}, "api_key"),
        ("http://memory.test", REMOTE | {"settings": Settings()}, "settings"),
        ("http://memory.test", REMOTE | {"parts": Parts()}, "Parts"),
        ("http://memory.test", REMOTE | {"timeout_s": 0}, "timeout_s"),
        ("http://", REMOTE, "no host"),
        ("memory.db", {"api_key": "rai_key"}, "memory.db"),
        ("memory.db", {"project_id": "p-1"}, "memory.db"),
        ("memory.db", {"parts": hitherto.HttpParts()}, "memory.db"),
    ],
)
def test_arguments_that_do_not_belong_together_are_refused(
    kind: Any, location: str, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValidationError, match=named):
        kind(location, **arguments)
