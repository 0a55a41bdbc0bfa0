"""Projects with their keys, categories and preferences."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hitherto.models.merge_conflicts import MergeConflictStatus
from hitherto.models.sessions import SessionStatus


@dataclass(frozen=True, slots=True)
class Project:
    """Tenant with its own users, keys, categories and settings.

    merge_conflict_enabled: default for users without a switch of their own.
    """

    project_id: str
    name: str
    merge_conflict_enabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it can be shown after its creation.

    project_id: None for an admin key, which opens the admin API of all projects and nothing else.
    hint: the first characters of the key, enough to tell it from others.
    """

    key_id: str
    project_id: str | None
    name: str
    hint: str
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key just made: `api_key` is the secret itself, which is never shown again."""

    key: ApiKey
    api_key: str


@dataclass(frozen=True, slots=True)
class Category:
    """A label of a project that new memories are given when it fits what they say."""

    category_id: str
    name: str
    description: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class GenerationPreferences:
    """Preferences of a project for its memories, as instructions and as examples.

    false_positive_examples: were extracted and should not have been. false_negative_examples: were
    missed and should not have been.
    """

    inclusion_instructions: tuple[str, ...] = ()
    positive_examples: tuple[str, ...] = ()
    exclusion_instructions: tuple[str, ...] = ()
    negative_examples: tuple[str, ...] = ()
    false_positive_examples: tuple[str, ...] = ()
    false_negative_examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProjectCounters:
    """Row counts of a project. sessions, merge_conflicts: by status, without zeros."""

    users: int
    messages: int
    memories: int
    sessions: Mapping[SessionStatus, int]
    merge_conflicts: Mapping[MergeConflictStatus, int]
