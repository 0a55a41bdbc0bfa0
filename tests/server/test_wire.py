"""What is written as JSON has the bytes of the contract and is read back as it was."""

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, timedelta, timezone
from pathlib import Path
from typing import Any

import pydantic
import pytest
from tests.server.wire_examples import BARE_SESSION, CONFLICT, EXAMPLES, NOW, SESSION, USER

from hitherto import wire
from hitherto.api import UNSET, Page
from hitherto.wire.conversion import Envelope, ListEnvelope, Mirror, PageEnvelope

PINNED = Path(__file__).with_name("wire_examples.txt")
ASKED = {"with_summary": True, "with_memories": True}
RENAMED = {"User": {"custom_user_id": "user_id"}, "MergeConflict": {"conflict_id": "id"}}
"""Fields of the wire that have another name in the model."""


def json_of(shape: Any, model: Any) -> wire.WireModel:
    made: wire.WireModel = (
        shape.from_models(model) if isinstance(model, list) else shape.from_model(model)
    )
    return made


WITHOUT_UNSET = (wire.User, wire.UserEnvelope, wire.UserList)
"""Shapes whose routes leave out what is not set, as those of sessions do."""


def session_answers() -> Iterator[tuple[str, wire.WireModel]]:
    """Sessions and users, with and without fields that are left out unless they say something."""
    yield "Session.bare", wire.SessionEnvelope.from_model(BARE_SESSION)
    yield "Session.plain", wire.SessionEnvelope.from_model(SESSION)
    yield "Session.asked", wire.SessionEnvelope.from_model(SESSION, **ASKED)
    yield "Session.empty", wire.SessionEnvelope.from_model(BARE_SESSION, **ASKED)
    yield "Session.placed", wire.SessionEnvelope.from_model(replace(SESSION, timezone="UTC"))
    yield "User.placed", wire.UserEnvelope.from_model(replace(USER, timezone="Asia/Tokyo"))
    yield "SessionList", wire.SessionList.from_model(Page([SESSION, BARE_SESSION], 3, True))


def shapes_below(*bases: type[Any]) -> Iterator[Any]:
    """The shapes that are made from models."""
    for base in bases:
        for shape in base.__subclasses__():
            if "[" not in shape.__name__:
                yield shape
            yield from shapes_below(shape)


def shapes_in(value: Any) -> Iterator[Any]:
    """The shapes of a JSON object and of what is in it."""
    if isinstance(value, wire.WireModel):
        yield type(value)
        value = [getattr(value, name) for name in type(value).model_fields]
    for item in value if isinstance(value, list | tuple) else ():
        yield from shapes_in(item)


def test_the_bytes_of_every_shape_are_those_of_the_contract() -> None:
    lines = [
        f"{shape.__name__} "
        + json_of(shape, model).model_dump_json(exclude_unset=shape in WITHOUT_UNSET)
        for shape, model in EXAMPLES
    ]
    lines += [
        f"{name} {answer.model_dump_json(exclude_unset=True)}" for name, answer in session_answers()
    ]
    assert lines == PINNED.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def test_every_shape_has_an_example() -> None:
    made = [json_of(shape, model) for shape, model in EXAMPLES]
    shown = {*shapes_in([*made, *(answer for _, answer in session_answers())])}
    below = {*shapes_below(Mirror, Envelope, ListEnvelope, PageEnvelope)}
    assert below - shown == {wire.UpdateBudgets}


def test_a_mirror_has_the_fields_of_its_model_and_no_other() -> None:
    apart = {}
    for shape in shapes_below(Mirror):
        renamed = RENAMED.get(shape.__name__, {})
        names = {renamed.get(name, name) for name in shape.model_fields}
        model = next(base for base in shape.__mro__ if "[" in base.__name__)
        (kind,) = model.__pydantic_generic_metadata__["args"]
        if difference := names ^ {field.name for field in fields(kind)}:
            apart[shape.__name__] = difference
    assert apart == {}


def test_a_model_comes_back_as_it_was() -> None:
    changed = {}
    for shape, model in EXAMPLES:
        read = shape.model_validate_json(json_of(shape, model).model_dump_json())
        back = read.to_models() if isinstance(model, list) else read.to_model()
        if back != model:
            changed[shape.__name__] = back
    assert changed == {}


def test_a_session_comes_back_with_what_was_asked_for() -> None:
    full = wire.SessionEnvelope.from_model(SESSION, **ASKED)
    read = wire.SessionEnvelope.model_validate_json(full.model_dump_json()).to_model()
    assert read == SESSION


def test_a_conflict_has_both_names_of_its_id_and_is_read_by_either() -> None:
    written = wire.MergeConflict.from_model(CONFLICT).model_dump(mode="json")
    assert written["id"] == written["conflict_id"] == "c"
    for name in ("id", "conflict_id"):
        less = {key: value for key, value in written.items() if key != name}
        assert wire.MergeConflict.model_validate(less).to_model() == CONFLICT


def test_instants_are_read_in_utc_and_must_have_an_offset() -> None:
    written = wire.User.from_model(USER).model_dump(mode="json")
    assert written["created_at"] == "2025-01-06T15:45:00.123456Z"
    elsewhere = NOW.astimezone(timezone(timedelta(hours=2))).isoformat()
    read = wire.User.model_validate(written | {"created_at": elsewhere})
    assert read.created_at.tzinfo is UTC
    with pytest.raises(pydantic.ValidationError):
        wire.User.model_validate(written | {"created_at": "2025-01-06T15:45:00"})


def test_a_switch_that_is_left_out_is_not_one_that_is_null() -> None:
    assert wire.UpdateUser.model_validate({}).switch is UNSET
    assert wire.UpdateUser.model_validate({"merge_conflict_enabled": None}).switch is None
    assert wire.UpdateUser.model_validate({"merge_conflict_enabled": False}).switch is False
