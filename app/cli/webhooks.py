"""`sluice webhooks`: endpoints that are told what happens, and what was delivered to them. Over the HTTP API."""

import json
from typing import Annotated, Any

import httpx
import typer
from rich.markup import escape
from rich.table import Column

from app.cli import tables
from app.cli.client import read_for_people, read_json, service
from app.cli.reading import AsJson
from app.domain.webhooks import WebhookEvent

EXAMPLE = "Example: sluice webhooks add https://hooks.example.com/sluice"
app = typer.Typer(
    name="webhooks",
    help=f"Webhooks: be told what happens, instead of asking.\n\n{EXAMPLE}",
    no_args_is_help=True,
    add_completion=False,
)
PATH = "/v1/webhooks"
MOST = 200
WebhookId = Annotated[int, typer.Argument(help="The webhook's number, as in `sluice webhooks list`.", metavar="ID")]
DeliveryId = Annotated[int, typer.Argument(help="As in `sluice webhooks deliveries`.", metavar="DELIVERY")]
EventOption = typer.Option(help="What to be told of; may be given several times.")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Show your webhooks; with the scope admin, everybody's.

    Example: sluice webhooks list
    """
    with service() as client:
        answer = client.get(PATH, params={"page_size": MOST})  # there are no more than that
        items = (read_json if as_json else read_for_people)(answer)["items"]
    _show(items, _table(items), as_json=as_json)


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="Where deliveries are sent: https://…", metavar="URL")],
    event: Annotated[list[WebhookEvent] | None, EventOption] = None,
    description: Annotated[str | None, typer.Option(help="Free text.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a webhook and print its secret: it is shown once.

    Without --event it is told when an import is finished, or needs attention.

    Example: sluice webhooks add https://hooks.example.com/sluice --event import.finished
    """
    events = event or [WebhookEvent.IMPORT_FINISHED, WebhookEvent.IMPORT_ATTENTION]
    with service() as client:
        made = read_json(client.post(PATH, json={"url": url, "events": events, "description": description}))
    if as_json:
        typer.echo(json.dumps(made))
        return
    typer.echo(made["secret"])
    typer.echo(f"Webhook {made['id']} is made. Try it: sluice webhooks test {made['id']}", err=True)


@app.command()
def change(
    webhook_id: WebhookId,
    url: Annotated[str | None, typer.Option(help="Where deliveries are sent from now on.")] = None,
    event: Annotated[list[WebhookEvent] | None, EventOption] = None,
    description: Annotated[str | None, typer.Option(help="Free text.")] = None,
) -> None:
    """Change where a webhook points, or what it is told of; what is left out stays.

    Example: sluice webhooks change 3 --event import.finished --event instance.state
    """
    given = {"url": url, "events": event, "description": description}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise typer.BadParameter("say what to change: --url, --event or --description")
    _patch(webhook_id, changes)
    typer.echo(f"Webhook {webhook_id} is changed.")


@app.command()
def enable(webhook_id: WebhookId) -> None:
    """Switch a webhook on again.

    Example: sluice webhooks enable 3
    """
    _patch(webhook_id, {"enabled": True})
    typer.echo(f"Webhook {webhook_id} is on.")


@app.command()
def disable(webhook_id: WebhookId) -> None:
    """Switch a webhook off: what waits for it is not sent.

    Example: sluice webhooks disable 3
    """
    _patch(webhook_id, {"enabled": False})
    typer.echo(f"Webhook {webhook_id} is off.")


@app.command()
def remove(webhook_id: WebhookId) -> None:
    """Remove a webhook with its history.

    Example: sluice webhooks remove 3
    """
    with service() as client:
        _refuse_problem(client.delete(f"{PATH}/{webhook_id}"))
    typer.echo(f"Webhook {webhook_id} is removed.")


@app.command()
def secret(webhook_id: WebhookId) -> None:
    """Give a webhook a new secret and print it: once. For 24 hours the old one signs too.

    Example: sluice webhooks secret 3
    """
    with service() as client:
        typer.echo(read_json(client.post(f"{PATH}/{webhook_id}/secret"))["secret"])


@app.command()
def test(webhook_id: WebhookId) -> None:
    """Send a test to a webhook.

    Example: sluice webhooks test 3
    """
    with service() as client:
        delivery = read_json(client.post(f"{PATH}/{webhook_id}/test"))
    typer.echo(f"Delivery {delivery['id']} is on its way. See: sluice webhooks deliveries {webhook_id}")


@app.command()
def deliveries(webhook_id: WebhookId, as_json: AsJson = False) -> None:
    """Show the newest deliveries of a webhook, and what became of them.

    Example: sluice webhooks deliveries 3
    """
    with service() as client:
        answer = client.get(f"{PATH}/{webhook_id}/deliveries")
        items = (read_json if as_json else read_for_people)(answer)["items"]
    _show(items, _deliveries_table(items), as_json=as_json)


@app.command()
def redeliver(webhook_id: WebhookId, delivery_id: DeliveryId) -> None:
    """Send a delivery that has ended once more.

    Example: sluice webhooks redeliver 3 1709
    """
    with service() as client:
        _refuse_problem(client.post(f"{PATH}/{webhook_id}/deliveries/{delivery_id}/redeliver"))
    typer.echo(f"Delivery {delivery_id} is on its way.")


def _patch(webhook_id: int, changes: dict[str, Any]) -> None:
    with service() as client:
        read_json(client.patch(f"{PATH}/{webhook_id}", json=changes))


def _refuse_problem(answer: httpx.Response) -> None:
    """An answer without a body is good; a problem is printed, and ends the command."""
    if not answer.is_success:
        read_json(answer)


def _show(items: list[dict[str, Any]], table: Any, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(items, indent=2))
    else:
        tables.console().print(table)


def _table(items: list[dict[str, Any]]) -> Any:
    columns = (tables.number_column("id"), *map(Column, ("client", "state", "events", "url", "description")))
    rows = [
        (
            str(item["id"]),
            escape(item["client"] or "everybody's"),
            _state(item),
            ", ".join(item["events"]),
            escape(item["url"]),
            escape(item["description"] or ""),
        )
        for item in items
    ]
    return tables.make_compact_table("Webhooks", columns, rows)


def _state(item: dict[str, Any]) -> str:
    if not item["enabled"]:
        return f"[red]off ({item['off_reason']})[/]" if item["off_reason"] else "off"
    return "[yellow]failing[/]" if item["failing_since"] else "[green]on[/]"


def _deliveries_table(items: list[dict[str, Any]]) -> Any:
    columns = (
        tables.number_column("id"),
        *map(Column, ("at", "event", "about", "state")),
        tables.number_column("tries"),
        Column("last answer"),
    )
    rows = [
        (
            str(item["id"]),
            item["at"],
            item["event"],
            escape(f"import {item['import_id']}" if item["import_id"] else item["instance"] or ""),
            tables.colour(item["state"]),
            str(item["attempts"]),
            escape(item["last_error"] or str(item["last_status"] or "")),
        )
        for item in items
    ]
    return tables.make_compact_table("Deliveries", columns, rows)
