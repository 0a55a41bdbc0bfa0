"""Projects, keys, categories, preferences and counters on the wire of the admin API."""

from typing import Annotated

from pydantic import Field, StrictBool

from hitherto import models
from hitherto.models import MergeConflictStatus, QuarantineKind, SaidBy, SessionStatus
from hitherto.wire.conversion import Envelope, ListEnvelope, Mirror, PageEnvelope
from hitherto.wire.fields import VISIBLE, Instant, WireModel

Name = Annotated[str, Field(min_length=1, max_length=255, json_schema_extra=VISIBLE)]
Text = Annotated[str, Field(min_length=1, max_length=2_000, json_schema_extra=VISIBLE)]
Texts = Annotated[list[Text], Field(max_length=100)]


class CreateProject(WireModel):
    """A project to be created."""

    name: Name = Field(description="A name for people to read.")


class UpdateProject(WireModel):
    """Changes of a project. A missing or null field stays unchanged."""

    name: Name | None = Field(default=None, description="A name for people to read.")
    merge_conflict_enabled: StrictBool | None = Field(
        default=None,
        description="Whether contradictions become merge conflicts, for users without a switch of "
        "their own.",
    )


class Project(Mirror[models.Project]):
    """Tenant with its own users, keys, categories and settings."""

    project_id: str = Field(description="The id of the project, a UUID.")
    name: str = Field(description="A name for people to read.")
    merge_conflict_enabled: bool = Field(
        description="Whether contradictions become merge conflicts, for users without a switch of "
        "their own."
    )
    created_at: Instant = Field(description="When it was created.")


class ProjectEnvelope(Envelope[models.Project]):
    """Project."""

    project: Project = Field(description="The project.")


class ProjectList(ListEnvelope[models.Project]):
    """Projects, oldest first."""

    projects: list[Project] = Field(description="The projects.")


class CreateKey(WireModel):
    """A key to be made."""

    name: str = Field(
        default="", max_length=255, description="What the key is for, for people to read."
    )


class Key(Mirror[models.ApiKey]):
    """A key as it can be shown after its creation."""

    key_id: str = Field(description="The id of the key, a UUID.")
    project_id: str | None = Field(description="The project of the key; null for an admin key.")
    name: str = Field(description="What the key is for.")
    hint: str = Field(description="The first characters of the key.")
    created_at: Instant = Field(description="When it was created.")
    revoked_at: Instant | None = Field(description="When it was revoked; null while it is valid.")


class KeyEnvelope(Envelope[models.ApiKey]):
    """Key."""

    key: Key = Field(description="The key.")


class NewKey(Mirror[models.NewApiKey]):
    """A key just made, with its secret."""

    key: Key = Field(description="The key.")
    api_key: str = Field(description="The secret key; only this answer has it.")


class KeyList(ListEnvelope[models.ApiKey]):
    """Keys, revoked ones included."""

    keys: list[Key] = Field(description="The keys.")


class CreateCategory(WireModel):
    """A category to be created."""

    name: Name = Field(description="A short name, such as `food_preferences`.")
    description: str = Field(
        default="", max_length=2_000, description="Description of its memories."
    )


class UpdateCategory(WireModel):
    """Changes of a category. A missing or null field stays unchanged."""

    name: Name | None = Field(default=None, description="A short name.")
    description: str | None = Field(
        default=None, max_length=2_000, description="Description of its memories."
    )


class Category(Mirror[models.Category]):
    """A label for new memories that fit its description."""

    category_id: str = Field(description="The id of the category, a UUID.")
    name: str = Field(description="Its name.")
    description: str = Field(description="Description of its memories.")
    created_at: Instant = Field(description="When it was created.")


class CategoryEnvelope(Envelope[models.Category]):
    """Category."""

    category: Category = Field(description="The category.")


class CategoryList(ListEnvelope[models.Category]):
    """Categories of a project, by name."""

    categories: list[Category] = Field(description="The categories.")


class GenerationPreferences(Mirror[models.GenerationPreferences]):
    """Preferences of a project for its memories; lists of at most 100 texts."""

    inclusion_instructions: Texts = Field(
        default_factory=list, description="Instructions on what to remember."
    )
    positive_examples: Texts = Field(default_factory=list, description="Examples of good memories.")
    exclusion_instructions: Texts = Field(
        default_factory=list, description="Instructions on what not to remember."
    )
    negative_examples: Texts = Field(default_factory=list, description="Examples of bad memories.")
    false_positive_examples: Texts = Field(
        default_factory=list, description="Examples of memories that should not have been created."
    )
    false_negative_examples: Texts = Field(
        default_factory=list, description="Examples of memories that should have been created."
    )


class Quarantined(Mirror[models.Quarantined]):
    """A statement that was kept from becoming a memory; its words stay in the transcript."""

    quarantine_id: str = Field(description="Its id, a UUID.")
    session_id: str = Field(description="The session that it was extracted from.")
    content: str = Field(description="The quarantined statement.")
    kind: QuarantineKind = Field(description="Kind of injection or quotation.")
    reason: str = Field(description="The words that caused the quarantine.")
    said_by: SaidBy = Field(description="Role of the speaker.")
    positions: list[int] = Field(
        description="Positions of the messages that state it, from 0; empty for "
        "comments on answers."
    )
    quarantined_at: Instant = Field(description="When the session was processed.")


class QuarantineList(PageEnvelope[models.Quarantined]):
    """A page of a user's quarantine, newest first."""

    quarantined: list[Quarantined] = Field(description="The statements.")
    total: int = Field(description="Number of items before paging.")
    has_more: bool = Field(description="Whether more follow after this page.")


class Counters(Mirror[models.ProjectCounters]):
    """Row counts of a project."""

    users: int = Field(description="Number of users.")
    messages: int = Field(description="Number of messages.")
    memories: int = Field(description="Number of current memories.")
    sessions: dict[SessionStatus, int] = Field(description="Number of sessions by status.")
    merge_conflicts: dict[MergeConflictStatus, int] = Field(
        description="Number of merge conflicts by status."
    )
