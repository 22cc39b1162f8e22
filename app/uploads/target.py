"""What Marketo says of a request's target, before anything of its file is read."""

from collections.abc import Mapping
from dataclasses import replace

from app.domain.answers import Description
from app.domain.errors import BadParameter, Detail
from app.domain.imports import Preflight, Request
from app.domain.objects import CustomObject
from app.uploads.descriptions import Describe


def describe_of(describe: Mapping[str, Describe], request: Request) -> Describe:
    """That of the request's instance. Errors: BadParameter unknown_instance."""
    if request.instance not in describe:
        known = ", ".join(sorted(describe)) or "none is configured"
        raise BadParameter(
            f"There is no instance {request.instance!r}. Configured: {known}.",
            code="unknown_instance",
            details=(Detail(f"use one of: {known}", field="instance"),),
        )
    return describe[request.instance]


async def described(describe: Describe, request: Request) -> Description | None:
    """The target's description, where that is asked for. Network: as Describe. Errors: BadParameter unknown_object."""
    target, is_off = request.target, request.preflight is Preflight.OFF
    if is_off and not (isinstance(target, CustomObject) and not target.dedupe_fields):
        return None
    found = await describe.fields_of(target)
    if isinstance(target, CustomObject):
        await describe.refuse_unknown(target)
    return found


def with_dedupe_fields(request: Request, description: Description | None) -> Request:
    """A custom object's key is what Marketo says it is. Errors: BadParameter where the caller says otherwise."""
    target = request.target
    if not isinstance(target, CustomObject) or description is None or not description.dedupe_fields:
        return request
    given, right = {name.lower() for name in target.dedupe_fields}, description.dedupe_fields
    if given and given != {name.lower() for name in right}:
        message = f"Marketo finds records of {target.object_name} by {', '.join(right)}. Say so, or leave it out."
        raise BadParameter(message, details=(Detail(message, field="dedupe_fields"),))
    return replace(request, target=replace(target, dedupe_fields=right))
