"""Users on the wire."""

from pydantic import AliasChoices, ConfigDict, Field, StrictBool

from hitherto.api import UNSET, Page, Unset
from hitherto.models import UserModel
from hitherto.wire.fields import USER_ID_SCHEMA, Instant, Object, WireModel


class CreateUser(WireModel):
    """A user to be created."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"custom_user_id": "alice", "metadata": {"plan": "pro"}}]}
    )

    custom_user_id: str = Field(
        validation_alias=AliasChoices("custom_user_id", "user_id"),
        json_schema_extra=USER_ID_SCHEMA,
        description="An id of your own choice, unique in the project: 1-255 characters without "
        "`/`, `?`, `#` and control characters.",
    )
    metadata: Object = Field(
        default_factory=dict, description="Any JSON object of yours to keep with the user."
    )
    merge_conflict_enabled: StrictBool | None = Field(
        default=None,
        description="Whether contradictions in what the user says become merge conflicts: true "
        "always, false never, null as the project says.",
    )


class UpdateUser(WireModel):
    """What to change about a user. A field that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"new_metadata": {"plan": "free"}}]})

    new_metadata: Object | None = Field(
        default=None, description="Replaces all of the metadata; an empty object clears it."
    )
    new_custom_user_id: str | None = Field(
        default=None,
        validation_alias=AliasChoices("new_custom_user_id", "new_user_id"),
        json_schema_extra=USER_ID_SCHEMA,
        description="The id to be known by from now on, of the form that creation asks for.",
    )
    merge_conflict_enabled: StrictBool | None = Field(
        default=None,
        description="Whether contradictions become merge conflicts; null goes back to what the "
        "project says. Left out, the setting stays.",
    )

    @property
    def switch(self) -> bool | Unset | None:
        """The conflict switch, or UNSET where the body does not name it."""
        given = "merge_conflict_enabled" in self.model_fields_set
        return self.merge_conflict_enabled if given else UNSET


class User(WireModel):
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

    custom_user_id: str = Field(description="The id that the application gave.")
    metadata: Object = Field(description="What the application attached.")
    merge_conflict_enabled: bool | None = Field(
        description="Whether contradictions become merge conflicts; null as the project says."
    )
    created_at: Instant = Field(description="When the user was created.")
    last_active_at: Instant = Field(description="When the user last did something.")

    @classmethod
    def from_model(cls, user: UserModel) -> "User":
        """The JSON of a user."""
        return cls(
            custom_user_id=user.user_id,
            metadata=dict(user.metadata),
            merge_conflict_enabled=user.merge_conflict_enabled,
            created_at=user.created_at,
            last_active_at=user.last_active_at,
        )

    def to_model(self) -> UserModel:
        """The user that the JSON describes."""
        return UserModel(
            user_id=self.custom_user_id,
            metadata=self.metadata,
            merge_conflict_enabled=self.merge_conflict_enabled,
            created_at=self.created_at,
            last_active_at=self.last_active_at,
        )


class UserEnvelope(WireModel):
    """One user."""

    user: User = Field(description="The user.")

    @classmethod
    def from_model(cls, user: UserModel) -> "UserEnvelope":
        """The JSON of a user, wrapped."""
        return cls(user=User.from_model(user))

    def to_model(self) -> UserModel:
        """The user in it."""
        return self.user.to_model()


class UserList(WireModel):
    """A page of users, newest first."""

    users: list[User] = Field(description="The users of this page.")
    total: int = Field(description="How many there are after filters and before paging.")
    has_more: bool = Field(description="Whether more follow after this page.")

    @classmethod
    def from_model(cls, page: Page[UserModel]) -> "UserList":
        """The JSON of a page."""
        users = [User.from_model(user) for user in page.items]
        return cls(users=users, total=page.total, has_more=page.has_more)

    def to_model(self) -> Page[UserModel]:
        """The page that the JSON describes."""
        return Page([user.to_model() for user in self.users], self.total, self.has_more)
