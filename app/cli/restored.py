"""`sluice restored`: after a back-up was restored, nothing goes to Marketo twice without a person's word."""

import json
from datetime import datetime
from typing import Annotated, Any

import httpx
import typer

from app.cli.listing import moment
from app.cli.owner import in_database_or_over_socket
from app.cli.reading import AsJson
from app.container import Container
from app.domain.api_keys import EVERYBODY
from app.operations.restored import as_json as told

PATH = "/owner/restored"
TIMEOUT_SECONDS = 3_600.0  # a hundred thousand waiting imports take minutes
SHOWN = 20  # ids of imports; --json has more


def restored(
    since: Annotated[str, typer.Option(help="When the back-up was made: a time (RFC 3339), or 90m, 12h, 7d ago.")],
    as_json: AsJson = False,
) -> None:
    """Say that the database is a back-up: what may have been sent since then waits for a person.

    The service has to be started with `sluice serve --paused` before. Its history tells each import of it.

    Example: sluice restored --since 2026-11-23T03:00:00Z
    """
    made_at = moment(since)

    async def in_database(container: Container) -> dict[str, Any]:
        return told(*await container.restored.run(since=datetime.fromisoformat(made_at), by=EVERYBODY.client))

    def over_socket(service: httpx.Client) -> httpx.Response:
        return service.post(PATH, params={"since": made_at}, timeout=TIMEOUT_SECONDS)

    found = in_database_or_over_socket(in_database, over_socket)
    typer.echo(json.dumps(found, indent=2) if as_json else "\n".join(_lines(made_at, found)))


def _lines(made_at: str, found: dict[str, Any]) -> list[str]:
    parts, beside, held = found["parts"], found["beside"], _of(found["waiting_imports"])
    return [
        f"{found['imports']} imports were not finished when the back-up of {made_at} was made:",
        f"  {parts['waiting']} parts waited, and may have been sent since. They are held{held}.",
        "    Decide each: sluice release ID sends it, sluice cancel ID does not. After seven days it is cancelled.",
        f"  {parts['unconfirmed']} parts may have reached Marketo before{_of(found['unconfirmed_imports'])}.",
        "    Decide each once it is unconfirmed: sluice resolve ID PART resubmit, or accepted --batch-id N.",
        f"  {parts['at_marketo']} parts were at Marketo, and are followed to their end.",
        "Imports that were accepted since then are not known here. Beside them:",
        f"  {beside['api_keys']} API keys open, also those that were revoked since: sluice keys list",
        f"  {beside['idempotency_keys']} Idempotency-Keys are known; those of later requests are not.",
        f"  {beside['deliveries']} messages for {beside['webhooks']} webhooks wait, and may come a second time.",
        "Then let what is new go: sluice resume INSTANCE. What is held stays so until it is decided.",
    ]


def _of(import_ids: list[int]) -> str:
    if not import_ids:
        return ""
    more = ", …" if len(import_ids) > SHOWN else ""
    return f": imports {', '.join(map(str, import_ids[:SHOWN]))}{more}"
