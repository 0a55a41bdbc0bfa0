"""Conversions between the JSON of the wire and `hitherto.models`, by the names of their fields.

A test holds the two sides to the same names, so a new field cannot be forgotten on one of them.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Generic, Self, TypeVar

from pydantic import TypeAdapter

from hitherto.api import Page
from hitherto.wire.fields import WireModel

M = TypeVar("M")


class Mirror(WireModel, Generic[M]):
    """A JSON object with the fields of the dataclass `M`, under the same names."""

    @classmethod
    def from_model(cls, model: M) -> Self:
        """Return the JSON of a model."""
        return cls.model_validate(model, from_attributes=True)

    def to_model(self) -> M:
        """Return the model that the JSON describes."""
        model: M = _adapter(type(self)).validate_python(self.model_dump())
        return model


class Envelope(WireModel, Generic[M]):
    """A JSON object whose only field holds the mirror of one `M`."""

    @classmethod
    def from_model(cls, model: M) -> Self:
        """Return the JSON of a model, wrapped."""
        return cls.model_validate({_first_field(cls): model}, from_attributes=True)

    def to_model(self) -> M:
        """Return the model in it."""
        model: M = getattr(self, _first_field(type(self))).to_model()
        return model


class ListEnvelope(WireModel, Generic[M]):
    """A JSON object whose only field holds the mirrors of several `M`."""

    @classmethod
    def from_models(cls, models: Sequence[M]) -> Self:
        """Return the JSON of models, wrapped."""
        return cls.model_validate({_first_field(cls): models}, from_attributes=True)

    def to_models(self) -> list[M]:
        """Return the models in it."""
        return [mirror.to_model() for mirror in getattr(self, _first_field(type(self)))]


class PageEnvelope(WireModel, Generic[M]):
    """A page of `M`; its three fields hold the list of mirrors, `total` and `has_more`."""

    @classmethod
    def from_model(cls, page: Page[M]) -> Self:
        """Return the JSON of a page."""
        values = (page.items, page.total, page.has_more)
        fields = dict(zip(cls.model_fields, values, strict=True))
        return cls.model_validate(fields, from_attributes=True)

    def to_model(self) -> Page[M]:
        """Return the page that the JSON describes."""
        mirrors, total, has_more = (getattr(self, name) for name in type(self).model_fields)
        return Page([mirror.to_model() for mirror in mirrors], total, has_more)


def _first_field(shape: type[WireModel]) -> str:
    return next(iter(shape.model_fields))


@cache
def _adapter(shape: type[Mirror[Any]]) -> TypeAdapter[Any]:
    """Return the adapter that builds the dataclass `M` of a mirror."""
    parents = (kind for kind in shape.__mro__ if issubclass(kind, Mirror))
    arguments = (kind.__pydantic_generic_metadata__["args"] for kind in parents)
    return TypeAdapter(next(filter(None, arguments))[0])
