"""API keys and their clients. Who may not decide about keys sees the own one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from app.domain.api_keys import ApiKey, Scope, client_name
from app.domain.errors import BadParameter
from app.domain.imports import HIGHEST_PRIORITY
from app.pages.deeds import Offer
from app.pages.formats import exact
from app.pages.paths import with_query
from app.pages.rendering import Rendered
from app.pages.routing import Visit, deed, page
from app.pages.typed import Typed, refused
from app.reporting.clients import ClientWork
from app.web.parameter_values import moment, one_of, whole_number
from app.web.query import bad_parameter, read_parameter

CLIENTS_SHOWN = 50
FIELDS = ("client", "scopes", "max_priority", "expires_at")
NEW = Typed()
SAYS = {
    Scope.SUBMIT: "send files; see, cancel and retry what this client sent",
    Scope.READ: "see everybody's imports, and how the instances are doing",
    Scope.OPERATE: "see everything; decide about every import, job and instance",
    Scope.ADMIN: "all of that, and keys and everybody's webhooks",
}
"""What each scope permits, for whoever chooses."""


@dataclass(frozen=True, slots=True)
class ListedKey:
    key: ApiKey
    is_open: bool
    is_own: bool
    offer: Offer | None  # to revoke it


@dataclass(frozen=True, slots=True)
class ListedClient:
    name: str
    keys: Sequence[ListedKey]
    work: ClientWork


async def show(visit: Visit, typed: Typed = NEW) -> Rendered:
    """With `admin` everybody's, client by client; else the visitor's own. `typed`: a new key that was refused."""
    if not visit.visitor.may(Scope.ADMIN):
        return await visit.render("own_key.html", key=visit.visitor.key, says=SAYS)
    now, is_all = visit.container.now(), visit.request.query_params.get("ended") == "true"
    keys = await visit.container.keys.everyone()
    by_client = _by_client([key for key in keys if is_all or key.opens(now)])
    after = visit.request.query_params.get("after", "")
    names = [name for name in by_client if name > after]
    shown = names[:CLIENTS_SHOWN]
    work = await visit.container.reports.clients.read(shown)
    clients = [ListedClient(name, [_listed(visit, key, now) for key in by_client[name]], work[name]) for name in shown]
    return await visit.render(
        "keys.html",
        clients=clients,
        keys=sum(key.opens(now) for key in keys),
        ended=sum(not key.opens(now) for key in keys),
        unused=sum(key.opens(now) and key.last_used_at is None for key in keys),
        is_all=is_all,
        names=sorted({key.client for key in keys})[:CLIENTS_SHOWN],
        says=SAYS,
        highest=HIGHEST_PRIORITY,
        next_url=with_query(_address(is_all), after=shown[-1]) if len(names) > len(shown) else None,
        first_url=_address(is_all) if after else None,
        typed=typed,
        follows="/keys" if typed.is_refused else None,
    )


async def create(visit: Visit) -> Response:
    """Make a key, and show its text once: in the answer to the form, which no browser keeps.

    A mistake is shown beside its field, in the form as it was filled in.
    """
    try:
        key, written = await _made(visit)
    except BadParameter as error:
        rendered = await show(visit, refused(visit, error, FIELDS))
        return rendered.answer(visit.visitor, status=error.status)
    rendered = await visit.render("new_key.html", key=key, written=written)
    return rendered.once(visit.visitor)


async def _made(visit: Visit) -> tuple[ApiKey, str]:
    """(the key, its text). Errors: BadParameter."""
    form = {name: text.strip() for name, text in visit.form.items() if text.strip()}
    client = read_parameter(form | {"client": visit.form.get("client", "")}, "client", client_name) or ""
    scopes = [one_of_scopes(text) for text in visit.many.get("scopes", [])]
    if not scopes:
        raise bad_parameter("scopes", "choose at least one: a key without a scope opens nothing")
    expires_at = read_parameter(form, "expires_at", _utc)
    if expires_at is not None and expires_at <= visit.container.now():
        raise bad_parameter("expires_at", "that time is over: leave it empty, or name one to come")
    highest = read_parameter(form, "max_priority", lambda text: whole_number(text, least=0, most=HIGHEST_PRIORITY))
    return await visit.container.keys.create(
        client, scopes, expires_at=expires_at, max_priority=HIGHEST_PRIORITY if highest is None else highest
    )


async def revoke(visit: Visit) -> Response:
    """Errors: NotFound."""
    await visit.container.keys.revoke(str(visit.request.path_params["key_id"]))
    return visit.done("key_revoked")


def one_of_scopes(text: str) -> Scope:
    """Errors: BadParameter."""
    scope = read_parameter({"scopes": text}, "scopes", lambda word: one_of(Scope, word))
    assert scope is not None, "it is given"
    return scope


def _utc(text: str) -> datetime:
    """What a field for a time holds, which has no zone: it is meant in UTC, as its label says. Errors: ValueError."""
    has_seconds = text.count(":") == 2
    return moment(f"{text}Z" if has_seconds else f"{text}:00Z")


def _by_client(keys: Sequence[ApiKey]) -> Mapping[str, list[ApiKey]]:
    """In the order of the clients' names; of each the newest key first."""
    result: dict[str, list[ApiKey]] = {name: [] for name in sorted({key.client for key in keys})}
    for key in reversed(keys):
        result[key.client].append(key)
    return result


def _listed(visit: Visit, key: ApiKey, now: datetime) -> ListedKey:
    is_own = visit.visitor.key is not None and visit.visitor.key.id == key.id
    return ListedKey(key, key.opens(now), is_own, _revoke(key, is_own=is_own) if key.opens(now) else None)


def _revoke(key: ApiKey, *, is_own: bool) -> Offer:
    used = f"It was last used at {exact(key.last_used_at)}." if key.last_used_at else "It was never used."
    own = " It is the key that you are signed in with: you will be signed out." if is_own else ""
    return Offer(
        label="Revoke…",
        action=f"/keys/{key.id}/revoke",
        tells=f"{used} From now on it opens nothing, and it cannot be given back. "
        f"What {key.client} has sent already goes on.{own}",
        confirm="Revoke this key",
        is_grave=True,
    )


def _address(is_all: bool) -> str:
    return "/keys?ended=true" if is_all else "/keys"


ROUTES = (
    page("/keys", show, is_personal=True),
    deed("/keys", create, needs=Scope.ADMIN),
    deed("/keys/{key_id}/revoke", revoke, needs=Scope.ADMIN),
)
