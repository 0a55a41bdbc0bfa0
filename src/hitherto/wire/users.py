"""Users on the wire."""

from dataclasses import fields
from typing import Any

from pydantic import ConfigDict, Field, StrictBool, model_validator

from hitherto.api import UNSET, Unset
from hitherto.models import UserModel
from hitherto.wire.conversion import Envelope, Mirror, PageEnvelope
from hitherto.wire.fields import TIMEZONE, USER_ID_SCHEMA, Instant, Object, WireModel
from hitherto.wire.older_names import CUSTOM_USER_ID, NEW_CUSTOM_USER_ID

_NO_ZONE = ("timezone", None)


class CreateUser(WireModel):
    """A user to be created."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"custom_user_id": "alice", "metadata": {"plan": "pro"}}]}
    )

    custom_user_id: str = Field(
        validation_alias=CUSTOM_USER_ID,
        json_schema_extra=USER_ID_SCHEMA,
        description="An id of your own choice, unique in the project: 1-255 characters without "
        "`/`, `?`, `#`, `\\`, control characters, `%` before two hexadecimal digits, and blanks at "
        "the ends.",
    )
    metadata: Object = Field(
        default_factory=dict, description="Any JSON object to store with the user."
    )
    merge_conflict_enabled: StrictBool | None = Field(
        default=None,
        description="Whether contradictory statements become merge conflicts: true "
        "always, false never, null as in the project.",
    )
    timezone: str | None = Field(
        default=None,
        json_schema_extra=TIMEZONE,
        description="The IANA name of the time zone in which the days of the user's sessions are "
        "read and shown; null is UTC. Of Hitherto alone.",
    )


class UpdateUser(WireModel):
    """Changes of a user. A missing field stays unchanged."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"new_metadata": {"plan": "free"}}]})

    new_metadata: Object | None = Field(
        default=None, description="Replaces all of the metadata; an empty object clears it."
    )
    new_custom_user_id: str | None = Field(
        default=None,
        validation_alias=NEW_CUSTOM_USER_ID,
        json_schema_extra=USER_ID_SCHEMA,
        description="The new id, of the form that creation requires.",
    )
    merge_conflict_enabled: StrictBool | None = Field(
        default=None,
        description="Whether contradictions become merge conflicts; null restores the "
        "project's setting. Without it, the setting stays.",
    )
    timezone: str | None = Field(
        default=None,
        json_schema_extra=TIMEZONE,
        description="The IANA name of the time zone for sessions that are not processed yet; null "
        "is UTC. Without it, the zone stays. Of Hitherto alone.",
    )

    @property
    def switch(self) -> bool | Unset | None:
        """Return the merge conflict switch, or UNSET if the body has none."""
        given = "merge_conflict_enabled" in self.model_fields_set
        return self.merge_conflict_enabled if given else UNSET

    @property
    def zone(self) -> str | Unset | None:
        """Return the time zone, or UNSET if the body has none."""
        return self.timezone if "timezone" in self.model_fields_set else UNSET


class User(Mirror[UserModel]):
    """A person, or other principal, whose memories are kept apart from everyone else's."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "custom_user_id": "alice",
                    "metadata": {"plan": "pro"},
                    "merge_conflict_enabled": None,
                    "created_at": "2025-01-06T15:45:00Z",
                    "last_active_at": "2025-01-06T15:47:12Z",
                }
            ]
        }
    )

    custom_user_id: str = Field(
        validation_alias=CUSTOM_USER_ID,
        description="The id that the application gave.",
    )
    metadata: Object = Field(description="Metadata of the application.")
    merge_conflict_enabled: bool | None = Field(
        description="Whether contradictions become merge conflicts; null as in the project."
    )
    created_at: Instant = Field(description="When the user was created.")
    last_active_at: Instant = Field(description="When the user was last active.")
    timezone: str | None = Field(
        default=None,
        description="The IANA name of the user's time zone; absent if none was given.",
    )

    @model_validator(mode="before")
    @classmethod
    def _leave_out(cls, data: Any) -> Any:
        """Leave out what was never given, and what released clients therefore never see."""
        if not isinstance(data, UserModel):
            return data
        values = {field.name: getattr(data, field.name) for field in fields(UserModel)}
        return {name: value for name, value in values.items() if (name, value) != _NO_ZONE}

    def to_model(self) -> UserModel:
        """Return the user, whose id has another name there."""
        return UserModel(user_id=self.custom_user_id, **self.model_dump(exclude={"custom_user_id"}))


class UserEnvelope(Envelope[UserModel]):
    """User."""

    user: User = Field(description="The user.")


class UserList(PageEnvelope[UserModel]):
    """A page of users, newest first."""

    users: list[User] = Field(description="The users of this page.")
    total: int = Field(description="Number of items after filters and before paging.")
    has_more: bool = Field(description="Whether more follow after this page.")
