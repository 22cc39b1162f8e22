"""Marketo's paths for a target, made of the templates that its object type declares."""

from typing import NamedTuple
from urllib.parse import quote, urlencode

from app.domain.formats import Format
from app.domain.objects import Target


class Batch(NamedTuple):
    """Where one accepted job answers questions."""

    status: str
    failures: str
    warnings: str


def create(target: Target, format_: Format) -> str:
    """Path and query of a submission. `format` is always sent: Adobe calls it both required and optional."""
    query = {"format": format_.value}
    for name, parameter in target.parameters().items():
        value = getattr(target, name)
        if parameter.at_marketo and not parameter.in_path and value is not None:
            query[parameter.at_marketo] = str(value)
    return f"{_filled(target.create_path, target)}?{urlencode(query, quote_via=quote, safe='')}"


def batch(target: Target, batch_id: int) -> Batch:
    job = _filled(target.batch_path, target, batch_id)
    return Batch(_filled(target.status_path, target, batch_id), f"{job}/failures.json", f"{job}/warnings.json")


def describe(target: Target) -> tuple[str, ...]:
    """The describe calls whose fields, together, may stand in the header of a file for this target."""
    return tuple(_filled(path, target) for path in target.describe_paths)


def _filled(template: str, target: Target, batch_id: int | None = None) -> str:
    segments = {name: quote(value, safe="") for name, value in target.path_values().items()}
    return template.format(**segments, batchId=batch_id)
