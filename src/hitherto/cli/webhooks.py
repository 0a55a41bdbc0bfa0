"""`hitherto webhooks`: subscriptions of a project to events."""

from typing import Annotated

import typer

from hitherto import wire
from hitherto.admin_api import AdminApi
from hitherto.cli.administration import AsJson, Db, administer
from hitherto.cli.exit_codes import FAILURE_EXIT_CODE
from hitherto.cli.formatting import shown_time
from hitherto.cli.output import print_json, print_table
from hitherto.cli.secret_output import protect_output
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.models import NewWebhook, Webhook, WebhookAnswer, WebhookEventType

app = typer.Typer(no_args_is_help=True, help="Create, list, delete and test webhooks.")

ProjectId = Annotated[str, typer.Option("--project", metavar="ID", help="The project.")]
WebhookId = Annotated[str, typer.Argument(help="The id of the webhook.")]


@app.command("create")
def create(
    url: Annotated[str, typer.Argument(help="URL that events are posted to.")],
    events: Annotated[
        list[WebhookEventType] | None,
        typer.Option(
            "--event", help="Event type to subscribe to; may be repeated. Default: all types."
        ),
    ] = None,
    project: ProjectId = DEFAULT_PROJECT_ID,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Create a webhook, which receives events from now on. Its secret is shown once."""

    async def work(api: AdminApi) -> NewWebhook:
        return await api.create_webhook(project, url, event_types=events or None)

    new_webhook = administer(db, work, may_create=True)
    protect_output()
    if as_json:
        print_json(wire.NewWebhook.from_model(new_webhook))
        return
    typer.echo(f"webhook id  {new_webhook.webhook.webhook_id}")
    typer.echo(f"secret      {new_webhook.secret}")
    typer.echo("The secret is shown only now; save it.", err=True)


@app.command("list")
def list_webhooks(
    project: ProjectId = DEFAULT_PROJECT_ID, as_json: AsJson = False, db: Db = None
) -> None:
    """List the webhooks of a project, oldest first."""

    async def work(api: AdminApi) -> list[Webhook]:
        return await api.list_webhooks(project)

    webhooks = administer(db, work)
    if as_json:
        print_json([wire.Webhook.from_model(webhook) for webhook in webhooks])
        return
    print_table(
        ("webhook id", "url", "events", "enabled", "created"),
        [
            (
                webhook.webhook_id,
                webhook.url,
                "all"
                if len(webhook.event_types) == len(WebhookEventType)
                else ", ".join(webhook.event_types),
                "yes" if webhook.enabled else f"no: {webhook.disabled_reason or 'switched off'}",
                shown_time(webhook.created_at),
            )
            for webhook in webhooks
        ],
        "There are no webhooks; create one with `hitherto webhooks create`.",
    )


@app.command("delete")
def delete(
    webhook_id: WebhookId,
    project: ProjectId = DEFAULT_PROJECT_ID,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Delete a webhook; its pending deliveries are not sent."""

    async def work(api: AdminApi) -> None:
        await api.delete_webhook(project, webhook_id)

    administer(db, work)
    if as_json:
        print_json({"webhook_id": webhook_id, "deleted": True})
    else:
        typer.echo(f"Webhook {webhook_id} is deleted.")


@app.command("test")
def send_test_event(
    webhook_id: WebhookId,
    project: ProjectId = DEFAULT_PROJECT_ID,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Send an event of type webhook.test from here; exit code 1 if it is not accepted."""

    async def work(api: AdminApi) -> WebhookAnswer:
        return await api.send_test_event(project, webhook_id)

    answer = administer(db, work)
    if as_json:
        print_json(wire.WebhookAnswer.from_model(answer))
    elif answer.failure_reason is None:
        typer.echo(f"Accepted with {answer.status_code}.")
    else:
        typer.echo(f"hitherto: not accepted: {answer.failure_reason}", err=True)
    if answer.failure_reason is not None:
        raise typer.Exit(FAILURE_EXIT_CODE)
