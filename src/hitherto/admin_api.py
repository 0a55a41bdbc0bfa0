"""Declare the operator's Protocol, for all projects.

The engine implements it; the admin routes and the command line are written against it. Every method
may raise what `hitherto.api` says of all methods.
"""

from collections.abc import Sequence
from typing import Protocol

from hitherto.api import UNSET, Page, Unset
from hitherto.models import (
    ApiKey,
    Category,
    GenerationPreferences,
    MergeConflictModel,
    NewApiKey,
    NewWebhook,
    OverBudget,
    Project,
    ProjectCounters,
    Quarantined,
    SessionModel,
    Webhook,
    WebhookAnswer,
    WebhookDelivery,
    WebhookEventType,
)
from hitherto.models.usage import ModelCall, ModelUsage, ProjectBudgets


class AdminApi(Protocol):
    """Operations on all projects, for the operator.

    Every method that is given a project id may raise ProjectNotFoundError.
    """

    async def authenticate(self, api_key: str, project_id: str) -> ApiKey:
        """Check a project's key. Raises AuthenticationError for one unknown, revoked or foreign."""
        ...

    async def authenticate_admin(self, api_key: str) -> ApiKey:
        """Check an admin key. Raises AuthenticationError."""
        ...

    async def create_project(self, name: str) -> Project:
        """Create a project. name: 1-255 characters."""
        ...

    async def list_projects(self) -> list[Project]:
        """List all projects, oldest first."""
        ...

    async def get_project(self, project_id: str) -> Project:
        """Read a project."""
        ...

    async def update_project(
        self,
        project_id: str,
        *,
        name: str | None = None,
        merge_conflict_enabled: bool | None = None,
    ) -> Project:
        """Rename a project or switch merge conflicts; None leaves a field as it is."""
        ...

    async def delete_project(self, project_id: str) -> None:
        """Delete a project with its keys, users and everything that belongs to them."""
        ...

    async def create_key(self, project_id: str, *, name: str = "") -> NewApiKey:
        """Create a key of a project.

        Only this answer shows the secret.
        """
        ...

    async def create_first_key(self, project_id: str, *, name: str = "") -> NewApiKey | None:
        """Create a key if no project ever had one, else return None.

        Of several concurrent callers, one gets the key.
        """
        ...

    async def create_admin_key(self, *, name: str = "") -> NewApiKey:
        """Make a key for the admin API."""
        ...

    async def list_keys(self, project_id: str | None = None) -> list[ApiKey]:
        """List the keys of a project, or all keys; revoked ones included."""
        ...

    async def revoke_key(self, key_id: str) -> ApiKey:
        """Make a key useless from now on; again does nothing. Raises KeyNotFoundError."""
        ...

    async def list_categories(self, project_id: str) -> list[Category]:
        """A project's categories by name."""
        ...

    async def create_category(
        self, project_id: str, name: str, *, description: str = ""
    ) -> Category:
        """Create a category, which memories made from now on may have.

        name: 1-255 characters. Raises CategoryAlreadyExistsError.
        """
        ...

    async def update_category(
        self,
        project_id: str,
        category_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
    ) -> Category:
        """Change a category. Raises CategoryNotFoundError, CategoryAlreadyExistsError."""
        ...

    async def delete_category(self, project_id: str, category_id: str) -> None:
        """Delete a category; its memories stay, without it. Raises CategoryNotFoundError."""
        ...

    async def get_generation_preferences(self, project_id: str) -> GenerationPreferences:
        """Read what a project wants to be remembered."""
        ...

    async def replace_generation_preferences(
        self, project_id: str, preferences: GenerationPreferences
    ) -> GenerationPreferences:
        """Replace all six lists; each at most 100 texts of 1-2,000 characters."""
        ...

    async def retry_session(self, project_id: str, user_id: str, session_id: str) -> SessionModel:
        """Process a FAILED session again.

        Raises UserNotFoundError, SessionNotFoundError, InvalidSessionStateError.
        """
        ...

    async def retry_merge_conflict(
        self, project_id: str, user_id: str, merge_conflict_id: str
    ) -> MergeConflictModel:
        """Apply the answers of a FAILED conflict again; it is IN_QUEUE afterwards.

        Raises UserNotFoundError, MergeConflictNotFoundError, and MergeConflictAlreadyResolvedError
        for one that has not failed.
        """
        ...

    async def list_quarantine(
        self, project_id: str, user_id: str, *, offset: int = 0, limit: int = 50
    ) -> Page[Quarantined]:
        """List a user's quarantined statements, newest first. limit 1-500.

        Raises UserNotFoundError.
        """
        ...

    async def counters(self, project_id: str) -> ProjectCounters:
        """Count what a project holds now."""
        ...

    async def create_webhook(
        self, project_id: str, url: str, *, event_types: Sequence[WebhookEventType] | None = None
    ) -> NewWebhook:
        """Create a webhook for events from now on.

        Only this answer shows the secret.

        url: http or https, without user name and password, at most 2,048 characters.
        event_types: None for all that there are.
        """
        ...

    async def list_webhooks(self, project_id: str) -> list[Webhook]:
        """A project's webhooks, oldest first."""
        ...

    async def get_webhook(self, project_id: str, webhook_id: str) -> Webhook:
        """Read a webhook. Raises WebhookNotFoundError."""
        ...

    async def update_webhook(
        self,
        project_id: str,
        webhook_id: str,
        *,
        url: str | None = None,
        event_types: Sequence[WebhookEventType] | None = None,
        enabled: bool | None = None,
    ) -> Webhook:
        """Change a webhook; None leaves a field as it is. Raises WebhookNotFoundError.

        Switching it off ends the deliveries that wait for it.
        """
        ...

    async def delete_webhook(self, project_id: str, webhook_id: str) -> None:
        """Delete a webhook with its deliveries. Raises WebhookNotFoundError."""
        ...

    async def rotate_webhook_secret(self, project_id: str, webhook_id: str) -> NewWebhook:
        """Make a new secret; for a day the one before signs too. Raises WebhookNotFoundError."""
        ...

    async def send_test_event(self, project_id: str, webhook_id: str) -> WebhookAnswer:
        """Send an event `webhook.test` once, from this process, enabled or not.

        Raises WebhookNotFoundError.
        """
        ...

    async def list_webhook_deliveries(
        self, project_id: str, webhook_id: str, *, offset: int = 0, limit: int = 50
    ) -> Page[WebhookDelivery]:
        """List the deliveries of the last seven days, pending ones included, newest first.

        limit 1-200. Raises WebhookNotFoundError.
        """
        ...

    async def get_budgets(self, project_id: str) -> ProjectBudgets:
        """Return a project's daily budgets and today's spending, by UTC day."""
        ...

    async def update_budgets(
        self,
        project_id: str,
        *,
        project_tokens_per_day: int | Unset | None = UNSET,
        project_usd_per_day: float | Unset | None = UNSET,
        user_tokens_per_day: int | Unset | None = UNSET,
        user_usd_per_day: float | Unset | None = UNSET,
        over_budget: OverBudget | Unset | None = UNSET,
    ) -> ProjectBudgets:
        """Set budgets; what is not given stays, and None goes back to the settings.

        Tokens are 0-10^15, US dollars 0-10^9; with 0 no model is asked. Sessions that wait for
        their budget are tried again at once.
        """
        ...

    async def usage(
        self, project_id: str, *, days: int = 30, user_id: str | None = None
    ) -> ModelUsage:
        """Sum up the model calls of the last 1-366 UTC days, today included.

        user_id: only this user; without it, the 1,000 users who spent most are listed.
        Raises UserNotFoundError.
        """
        ...

    async def list_model_calls(
        self, project_id: str, *, user_id: str | None = None, offset: int = 0, limit: int = 50
    ) -> Page[ModelCall]:
        """List the model calls of all users or of one, newest first. limit 1-500.

        Calls of deleted users are not kept. Raises UserNotFoundError.
        """
        ...
