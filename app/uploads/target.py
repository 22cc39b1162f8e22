"""What Marketo says of a request's target, before anything of its file is read."""

from collections.abc import Mapping
from dataclasses import replace

from app.domain.answers import Description
from app.domain.errors import BadParameter, Detail
from app.domain.imports import Preflight, Request
from app.uploads.descriptions import Describe


def describe_of(describe: Mapping[str, Describe], request: Request) -> Describe:
    """That of the request's instance. Errors: BadParameter unknown_instance."""
    if request.instance not in describe:
        configured = ", ".join(sorted(describe)) or "none is configured"
        raise BadParameter(
            f"There is no instance {request.instance!r}. Configured: {configured}.",
            code="unknown_instance",
            details=(Detail(f"use one of: {configured}", field="instance"),),
        )
    return describe[request.instance]


async def described(describe: Describe, request: Request) -> Description | None:
    """The target's description, where that is asked for. Network: as Describe. Errors: BadParameter unknown_object."""
    target = request.target
    if request.preflight is Preflight.OFF and target.key_columns:
        return None
    description = await describe.fields_of(target)
    await describe.refuse_unknown(target)
    return description


def with_dedupe_fields(request: Request, description: Description | None) -> Request:
    """The record key is what Marketo says it is. Errors: BadParameter, where the caller says otherwise."""
    if description is None:
        return request
    return replace(request, target=request.target.with_dedupe_fields(description.dedupe_fields))
