"""The form by which the list of imports is narrowed: fields named as in the API, times as a browser sends them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.pages.formats import exact, word
from app.pages.paths import with_query, without
from app.store.import_queries import Filters
from app.web.import_filters import NAMES, read_filters

LOCAL_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T([0-9]{2}:[0-9]{2})(:[0-9]{2})?)?")
TIMES = ("created_after", "created_before")
FIRST = ("status", "instance", "attention")  # are always shown; the others are below "More filters"
WORDS = {
    "status": "Status",
    "instance": "Instance",
    "object_type": "Object type",
    "client": "Client",
    "label": "Label",
    "file_name": "File name begins with",
    "created_after": "Sent after",
    "created_before": "Sent before",
    "attention": "Needs attention",
}


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is set: in words, and where the list is without it."""

    words: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class FilterForm:
    filters: Filters
    values: Mapping[str, str]  # of the fields, as a browser fills them in
    chips: Sequence[Chip]

    @property
    def has_more(self) -> bool:
        """Whether one of those is set that are not always shown."""
        return any(name not in FIRST for name in self.values)


def read_form(path: str, parameters: Mapping[str, str]) -> FilterForm:
    """What the query of the list at this path asks for; an empty field asks for nothing. Errors: BadParameter."""
    given = {name: text for name in NAMES if (text := parameters.get(name, "").strip())}
    for name in TIMES:
        if name in given:
            given[name] = with_zone(given[name])
    filters = read_filters(given)
    values = given | {name: _local(at) for name in TIMES if (at := getattr(filters, name))}
    here = with_query(path, **given) if given else path
    chips = [Chip(WORDS[name], _told(name, given[name], filters), without(here, name)) for name in given]
    return FilterForm(filters, values, chips)


def with_zone(text: str) -> str:
    """A time as `datetime-local` sends it, which is in UTC here, as an RFC 3339 one; any other text as it is."""
    local = LOCAL_TIME.fullmatch(text)
    return f"{local[1]}T{local[2] or '00:00'}{local[3] or ':00'}Z" if local else text


def _local(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"


def _told(name: str, text: str, filters: Filters) -> str:
    if name in TIMES:
        return exact(getattr(filters, name))
    if name == "attention":
        return "yes" if filters.attention else "no"
    return word(text) if name in {"status", "object_type"} else text
