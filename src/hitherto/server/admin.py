"""Admin API: projects, keys, categories, preferences, webhooks, retries and counters."""

from enum import Enum
from typing import Annotated

from fastapi import APIRouter, Query

from hitherto.server.admin_users import users_router
from hitherto.server.authentication import Admin, AdminRoute
from hitherto.server.error_responses import error_responses
from hitherto.server.parameters import (
    CategoryId,
    ConflictId,
    KeyId,
    ListDeliveriesQuery,
    ListModelCallsQuery,
    ListQuarantineQuery,
    ProjectId,
    SessionId,
    UsageQuery,
    UserId,
    WebhookId,
)
from hitherto.server.paths import ADMIN_PREFIX
from hitherto.wire import (
    CategoryEnvelope,
    CategoryList,
    Counters,
    CreateCategory,
    CreateKey,
    CreateProject,
    CreateWebhook,
    GenerationPreferences,
    KeyEnvelope,
    KeyList,
    MergeConflictEnvelope,
    ModelCallList,
    NewKey,
    NewWebhook,
    ProjectBudgets,
    ProjectEnvelope,
    ProjectList,
    QuarantineList,
    SessionEnvelope,
    UpdateBudgets,
    UpdateCategory,
    UpdateProject,
    UpdateWebhook,
    Usage,
    WebhookAnswer,
    WebhookDeliveryList,
    WebhookEnvelope,
    WebhookList,
)

admin_router = APIRouter(
    prefix=ADMIN_PREFIX,
    route_class=AdminRoute,
    responses=error_responses(401, 422, 429, 500, 503),
)

_PROJECTS: list[str | Enum] = ["Admin: projects"]
_KEYS: list[str | Enum] = ["Admin: keys"]
_CATEGORIES: list[str | Enum] = ["Admin: categories"]
_WEBHOOKS: list[str | Enum] = ["Admin: webhooks"]
_RETRIES: list[str | Enum] = ["Admin: retries"]
_USAGE: list[str | Enum] = ["Admin: usage"]
_QUARANTINE: list[str | Enum] = ["Admin: quarantine"]


@admin_router.post("/projects", status_code=201, tags=_PROJECTS, responses=error_responses(413))
async def create_project(body: CreateProject, admin: Admin) -> ProjectEnvelope:
    """Create a project."""
    return ProjectEnvelope.from_model(await admin.create_project(body.name))


@admin_router.get("/projects", tags=_PROJECTS)
async def list_projects(admin: Admin) -> ProjectList:
    """List all projects, oldest first."""
    projects = await admin.list_projects()
    return ProjectList.from_models(projects)


@admin_router.get("/projects/{project_id}", tags=_PROJECTS, responses=error_responses(404))
async def get_project(project_id: ProjectId, admin: Admin) -> ProjectEnvelope:
    """Read a project."""
    return ProjectEnvelope.from_model(await admin.get_project(project_id))


@admin_router.patch("/projects/{project_id}", tags=_PROJECTS, responses=error_responses(404, 413))
async def update_project(
    project_id: ProjectId, body: UpdateProject, admin: Admin
) -> ProjectEnvelope:
    """Rename a project, or switch merge conflicts for its users."""
    project = await admin.update_project(
        project_id, name=body.name, merge_conflict_enabled=body.merge_conflict_enabled
    )
    return ProjectEnvelope.from_model(project)


@admin_router.delete(
    "/projects/{project_id}", status_code=204, tags=_PROJECTS, responses=error_responses(404)
)
async def delete_project(project_id: ProjectId, admin: Admin) -> None:
    """Delete a project with its keys, its users and everything that belongs to them."""
    await admin.delete_project(project_id)


@admin_router.get("/projects/{project_id}/counters", tags=_PROJECTS, responses=error_responses(404))
async def get_counters(project_id: ProjectId, admin: Admin) -> Counters:
    """Count the users, sessions, messages and memories of a project."""
    return Counters.from_model(await admin.counters(project_id))


@admin_router.get("/projects/{project_id}/budgets", tags=_USAGE, responses=error_responses(404))
async def get_budgets(project_id: ProjectId, admin: Admin) -> ProjectBudgets:
    """Read the budgets of model calls for a UTC day, and today's use."""
    return ProjectBudgets.from_model(await admin.get_budgets(project_id))


@admin_router.patch(
    "/projects/{project_id}/budgets", tags=_USAGE, responses=error_responses(404, 413)
)
async def update_budgets(
    project_id: ProjectId, body: UpdateBudgets, admin: Admin
) -> ProjectBudgets:
    """Set budgets. Sessions that wait for a budget are tried again at once."""
    return ProjectBudgets.from_model(await admin.update_budgets(project_id, **body.sent_fields()))


@admin_router.get("/projects/{project_id}/usage", tags=_USAGE, responses=error_responses(404))
async def get_usage(
    project_id: ProjectId, query: Annotated[UsageQuery, Query()], admin: Admin
) -> Usage:
    """Sum up tokens and cost of model calls by day, task and model, and by user."""
    return Usage.from_model(await admin.usage(project_id, days=query.days, user_id=query.user_id))


@admin_router.get("/projects/{project_id}/model-calls", tags=_USAGE, responses=error_responses(404))
async def list_model_calls(
    project_id: ProjectId, query: Annotated[ListModelCallsQuery, Query()], admin: Admin
) -> ModelCallList:
    """List the calls of language models, newest first. They have no text of a message."""
    page = await admin.list_model_calls(
        project_id, user_id=query.user_id, offset=query.offset, limit=query.limit
    )
    return ModelCallList.from_model(page)


@admin_router.get(
    "/projects/{project_id}/generation-preferences", tags=_PROJECTS, responses=error_responses(404)
)
async def get_generation_preferences(project_id: ProjectId, admin: Admin) -> GenerationPreferences:
    """Read which kinds of information a project remembers and which it ignores."""
    return GenerationPreferences.from_model(await admin.get_generation_preferences(project_id))


@admin_router.put(
    "/projects/{project_id}/generation-preferences",
    tags=_PROJECTS,
    responses=error_responses(404, 413),
)
async def replace_generation_preferences(
    project_id: ProjectId, body: GenerationPreferences, admin: Admin
) -> GenerationPreferences:
    """Replace all six lists; lists left out become empty. Later processing follows them."""
    return GenerationPreferences.from_model(
        await admin.replace_generation_preferences(project_id, body.to_model())
    )


@admin_router.post(
    "/projects/{project_id}/keys", status_code=201, tags=_KEYS, responses=error_responses(404, 413)
)
async def create_key(project_id: ProjectId, body: CreateKey, admin: Admin) -> NewKey:
    """Create a key of a project; only this answer has its secret."""
    return NewKey.from_model(await admin.create_key(project_id, name=body.name))


@admin_router.get("/projects/{project_id}/keys", tags=_KEYS, responses=error_responses(404))
async def list_project_keys(project_id: ProjectId, admin: Admin) -> KeyList:
    """List the keys of a project, revoked keys included."""
    return KeyList.from_models(await admin.list_keys(project_id))


@admin_router.get("/keys", tags=_KEYS)
async def list_keys(admin: Admin) -> KeyList:
    """List all keys, admin keys and revoked keys included."""
    return KeyList.from_models(await admin.list_keys())


@admin_router.post("/keys", status_code=201, tags=_KEYS, responses=error_responses(413))
async def create_admin_key(body: CreateKey, admin: Admin) -> NewKey:
    """Create a key for the admin API; only this answer has its secret."""
    return NewKey.from_model(await admin.create_admin_key(name=body.name))


@admin_router.post("/keys/{key_id}/revoke", tags=_KEYS, responses=error_responses(404))
async def revoke_key(key_id: KeyId, admin: Admin) -> KeyEnvelope:
    """Revoke a key with immediate effect; revoking it again changes nothing."""
    return KeyEnvelope.from_model(await admin.revoke_key(key_id))


@admin_router.get(
    "/projects/{project_id}/categories", tags=_CATEGORIES, responses=error_responses(404)
)
async def list_categories(project_id: ProjectId, admin: Admin) -> CategoryList:
    """List a project's categories by name."""
    categories = await admin.list_categories(project_id)
    return CategoryList.from_models(categories)


@admin_router.post(
    "/projects/{project_id}/categories",
    status_code=201,
    tags=_CATEGORIES,
    responses=error_responses(404, 409, 413),
)
async def create_category(
    project_id: ProjectId, body: CreateCategory, admin: Admin
) -> CategoryEnvelope:
    """Create a category for memories that are created from now on."""
    category = await admin.create_category(project_id, body.name, description=body.description)
    return CategoryEnvelope.from_model(category)


@admin_router.patch(
    "/projects/{project_id}/categories/{category_id}",
    tags=_CATEGORIES,
    responses=error_responses(404, 409, 413),
)
async def update_category(
    project_id: ProjectId, category_id: CategoryId, body: UpdateCategory, admin: Admin
) -> CategoryEnvelope:
    """Rename or redescribe a category; memories keep it."""
    category = await admin.update_category(
        project_id, category_id, name=body.name, description=body.description
    )
    return CategoryEnvelope.from_model(category)


@admin_router.delete(
    "/projects/{project_id}/categories/{category_id}",
    status_code=204,
    tags=_CATEGORIES,
    responses=error_responses(404),
)
async def delete_category(project_id: ProjectId, category_id: CategoryId, admin: Admin) -> None:
    """Delete a category; its memories stay, without it."""
    await admin.delete_category(project_id, category_id)


@admin_router.get(
    "/projects/{project_id}/users/{custom_user_id}/quarantine",
    tags=_QUARANTINE,
    responses=error_responses(404),
)
async def list_quarantine(
    project_id: ProjectId,
    custom_user_id: UserId,
    query: Annotated[ListQuarantineQuery, Query()],
    admin: Admin,
) -> QuarantineList:
    """List statements of a user that were kept out of memory, with reasons, newest first."""
    page = await admin.list_quarantine(
        project_id, custom_user_id, offset=query.offset, limit=query.limit
    )
    return QuarantineList.from_model(page)


@admin_router.post(
    "/projects/{project_id}/webhooks",
    status_code=201,
    tags=_WEBHOOKS,
    responses=error_responses(404, 413),
)
async def create_webhook(project_id: ProjectId, body: CreateWebhook, admin: Admin) -> NewWebhook:
    """Subscribe an address to future events; only this answer has its secret."""
    new_webhook = await admin.create_webhook(project_id, body.url, event_types=body.event_types)
    return NewWebhook.from_model(new_webhook)


@admin_router.get("/projects/{project_id}/webhooks", tags=_WEBHOOKS, responses=error_responses(404))
async def list_webhooks(project_id: ProjectId, admin: Admin) -> WebhookList:
    """List a project's webhooks, oldest first."""
    webhooks = await admin.list_webhooks(project_id)
    return WebhookList.from_models(webhooks)


@admin_router.get(
    "/projects/{project_id}/webhooks/{webhook_id}", tags=_WEBHOOKS, responses=error_responses(404)
)
async def get_webhook(
    project_id: ProjectId, webhook_id: WebhookId, admin: Admin
) -> WebhookEnvelope:
    """Read a webhook."""
    webhook = await admin.get_webhook(project_id, webhook_id)
    return WebhookEnvelope.from_model(webhook)


@admin_router.patch(
    "/projects/{project_id}/webhooks/{webhook_id}",
    tags=_WEBHOOKS,
    responses=error_responses(404, 413),
)
async def update_webhook(
    project_id: ProjectId, webhook_id: WebhookId, body: UpdateWebhook, admin: Admin
) -> WebhookEnvelope:
    """Change, enable or disable a webhook; disabling cancels its pending deliveries."""
    webhook = await admin.update_webhook(
        project_id, webhook_id, url=body.url, event_types=body.event_types, enabled=body.enabled
    )
    return WebhookEnvelope.from_model(webhook)


@admin_router.delete(
    "/projects/{project_id}/webhooks/{webhook_id}",
    status_code=204,
    tags=_WEBHOOKS,
    responses=error_responses(404),
)
async def delete_webhook(project_id: ProjectId, webhook_id: WebhookId, admin: Admin) -> None:
    """Delete a webhook with its deliveries; pending ones are not sent."""
    await admin.delete_webhook(project_id, webhook_id)


@admin_router.post(
    "/projects/{project_id}/webhooks/{webhook_id}/rotate-secret",
    tags=_WEBHOOKS,
    responses=error_responses(404),
)
async def rotate_webhook_secret(
    project_id: ProjectId, webhook_id: WebhookId, admin: Admin
) -> NewWebhook:
    """Create a new secret, shown only here; for a day the previous secret signs too."""
    return NewWebhook.from_model(await admin.rotate_webhook_secret(project_id, webhook_id))


@admin_router.post(
    "/projects/{project_id}/webhooks/{webhook_id}/test",
    tags=_WEBHOOKS,
    responses=error_responses(404),
)
async def send_test_event(
    project_id: ProjectId, webhook_id: WebhookId, admin: Admin
) -> WebhookAnswer:
    """Send an event of the type `webhook.test` once, and return the receiver's answer."""
    return WebhookAnswer.from_model(await admin.send_test_event(project_id, webhook_id))


@admin_router.get(
    "/projects/{project_id}/webhooks/{webhook_id}/deliveries",
    tags=_WEBHOOKS,
    responses=error_responses(404),
)
async def list_webhook_deliveries(
    project_id: ProjectId,
    webhook_id: WebhookId,
    query: Annotated[ListDeliveriesQuery, Query()],
    admin: Admin,
) -> WebhookDeliveryList:
    """List the deliveries of a webhook, pending or of the last seven days, newest first."""
    page = await admin.list_webhook_deliveries(
        project_id, webhook_id, offset=query.offset, limit=query.limit
    )
    return WebhookDeliveryList.from_model(page)


@admin_router.post(
    "/projects/{project_id}/users/{custom_user_id}/sessions/{session_id}/retry",
    tags=_RETRIES,
    responses=error_responses(400, 404),
    response_model_exclude_unset=True,
)
async def retry_session(
    project_id: ProjectId, custom_user_id: UserId, session_id: SessionId, admin: Admin
) -> SessionEnvelope:
    """Process a failed session again."""
    return SessionEnvelope.from_model(
        await admin.retry_session(project_id, custom_user_id, session_id)
    )


@admin_router.post(
    "/projects/{project_id}/users/{custom_user_id}/merge-conflicts/{conflict_id}/retry",
    tags=_RETRIES,
    responses=error_responses(400, 404),
)
async def retry_merge_conflict(
    project_id: ProjectId, custom_user_id: UserId, conflict_id: ConflictId, admin: Admin
) -> MergeConflictEnvelope:
    """Apply the answers of a failed merge conflict again."""
    return MergeConflictEnvelope.from_model(
        await admin.retry_merge_conflict(project_id, custom_user_id, conflict_id)
    )


admin_router.include_router(users_router)
