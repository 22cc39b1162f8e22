"""A file, from the drop to its last row: sent, stored, looked at, and then let go or discarded.

The browser reads how a file begins, has it checked, and sends it by the API (static/send.js). Without JavaScript the
same form is sent as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.responses import Response

from app.domain.api_keys import Scope
from app.domain.errors import BadParameter, Detail
from app.domain.formats import Format
from app.domain.imports import DEFAULT_PRIORITY, Import
from app.domain.objects import OBJECT_TYPES, Target, ValueKind
from app.pages import import_deeds
from app.pages.deeds import Offer
from app.pages.rendering import Rendered
from app.pages.routing import Visit, deed, page, upload
from app.reporting.reviews import SHOWN_FILES
from app.web.import_parameters import KNOWN, OF_TYPE
from app.web.import_request import request_from
from app.web.parameter_names import refuse
from app.web.parameter_values import api_name, object_type_named
from app.web.session_cookies import CSRF_FIELD
from app.web.uploads import Upload

FORMATS = {Format.CSV: "comma", Format.SSV: "semicolon", Format.TSV: "tab"}
"""What stands between the cells, in words."""
CHARSETS = {
    "utf-8": "UTF-8",
    "cp1252": "Windows, Western Europe (cp1252)",
    "cp1250": "Windows, Central Europe (cp1250)",
    "cp1251": "Windows, Cyrillic (cp1251)",
    "iso8859-15": "ISO 8859-15",
    "utf-16": "UTF-16 (Excel's Unicode text)",
    "mac_roman": "Macintosh, Western Europe",
    "shift_jis": "Japanese (Shift JIS)",
    "gb18030": "Chinese (GB 18030)",
}
HINTS = {
    ValueKind.MARKETO_ID: "Its number: the digits in its address in Marketo, such as 1234 of …#ST1234A1.",
    ValueKind.API_NAMES: "Comma-separated. Left empty, Marketo is asked.",
}
OWN_FIELDS = frozenset({CSRF_FIELD, "back"})


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that waits for its sender's word, and what can be done."""

    import_: Import
    send: Offer
    discard: Offer


async def show(visit: Visit) -> Rendered:
    """The form, and what was sent before and waits for its sender's word."""
    waiting = await visit.container.reports.reviews.waiting(_whose(visit))
    highest = visit.visitor.caller.max_priority
    return await visit.render(
        "send.html",
        stored=[_waiting(import_) for import_ in waiting],
        is_cut=len(waiting) == SHOWN_FILES,
        kinds=OBJECT_TYPES.values(),
        hints=HINTS,
        ValueKind=ValueKind,
        instances=list(visit.container.settings.instances),
        formats=FORMATS,
        charsets=CHARSETS,
        priorities=range(highest, -1, -1),
        usual_priority=min(DEFAULT_PRIORITY, highest),
    )


async def offers(visit: Visit) -> Rendered:
    """What Marketo has for the form to offer: names of objects, and the fields of one. Network: as Describe."""
    query = visit.request.query_params
    describe = visit.container.intake.describe.get(query.get("instance", "default"))
    names: tuple[str, ...] = ()
    description = None
    if describe is not None:
        kind, target = _target(query)
        names = await describe.object_names(kind)
        description = await describe.fields_of(target) if target else None
    fields = [field for field in description.fields if field.writable] if description else []
    return await visit.render("send_offers.html", names=names, fields=fields)


def _target(query: Mapping[str, str]) -> tuple[type[Target], Target | None]:
    """The object type, and a target of it with no more than its object; None where that is not named yet."""
    try:
        kind = OBJECT_TYPES[object_type_named(query.get("object_type", next(iter(OBJECT_TYPES))))]
        named = next((name for name, of in kind.parameters().items() if of.kind is ValueKind.API_NAME), None)
        if named is None:
            return kind, kind.example()
        given = query.get(named)
        return kind, replace(kind.example(), **{named: api_name(given)}) if given else None  # type: ignore[type-var]
    except ValueError as mistake:
        raise BadParameter(str(mistake), details=(Detail(str(mistake)),)) from None


async def look(visit: Visit) -> Rendered:
    """What the pre-flight found in a stored file, and the word that it waits for."""
    import_ = await visit.visible_import()
    may_decide = visit.visitor.caller.decides_for(import_.request.client)
    findings = await visit.container.reports.reviews.findings(import_)
    return await visit.render(
        "send_look.html",
        import_=import_,
        findings=findings,
        offered=_waiting(import_) if may_decide and _is_open(visit, import_) else None,
        is_open=_is_open(visit, import_),
        formats=FORMATS,
        charsets=CHARSETS,
    )


async def take(visit: Visit, sent: Upload) -> Response:
    """The form as a browser sends it by itself. Errors: those of an upload."""
    form = {name: value for name, value in visit.form.items() if name not in OWN_FIELDS}
    object_type = form.get("object_type") or next(iter(OBJECT_TYPES))
    parameters = {name: value for name, value in form.items() if OF_TYPE.get(name, object_type) == object_type}
    caller = visit.visitor.caller
    request = request_from(parameters, file_name=sent.file_name, client=caller.client, max_priority=caller.max_priority)
    receipt = await visit.container.intake.receive(request, sent.arrival)
    if request.review:
        return visit.done("stored", to=f"/send/{receipt.import_id}")
    return visit.done("sent", of=receipt.import_id, to=f"/imports/{receipt.import_id}")


async def release(visit: Visit) -> Response:
    """Errors: WrongState, where it is not under review any more."""
    import_ = await visit.manageable_import()
    await visit.container.release.run(import_.id, by=visit.visitor.caller.client)
    return visit.done("sent", of=import_.id, to=f"/imports/{import_.id}")


async def discard(visit: Visit) -> Response:
    """Errors: WrongState, where it is not under review any more: what was sent is not cancelled from here."""
    import_ = await visit.manageable_import()
    if not _is_open(visit, import_):
        refuse([Detail(f"import {import_.id} is not under review any more; its own page can cancel it")])
    await visit.container.cancel.run(import_.id, by=visit.visitor.caller.client)
    return visit.done("discarded", of=import_.id, to="/send")


def _whose(visit: Visit) -> str | None:
    """The client whose files alone the visitor decides about; None: everybody's."""
    return None if visit.visitor.may(Scope.OPERATE) else visit.visitor.caller.client


def _is_open(visit: Visit, import_: Import) -> bool:
    return import_.review_until is not None and import_.review_until > visit.container.now()


def _waiting(import_: Import) -> Waiting:
    """As on the import's own page, but that one stays among the files."""
    path, send, discarding = f"/send/{import_.id}", import_deeds.release(import_), import_deeds.discard(import_)
    return Waiting(
        import_,
        send=replace(send, label=send.confirm, action=f"{path}/release"),
        discard=replace(discarding, action=f"{path}/discard"),
    )


assert OWN_FIELDS.isdisjoint(KNOWN)

ROUTES = (
    page("/send", show, needs=Scope.SUBMIT),
    upload("/send", take, needs=Scope.SUBMIT),
    page("/send/offers", offers, needs=Scope.SUBMIT),
    page("/send/{import_id}", look),
    deed("/send/{import_id}/release", release),
    deed("/send/{import_id}/discard", discard),
)
