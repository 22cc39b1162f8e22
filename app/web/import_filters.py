"""What a list of imports can be narrowed by, as a query says it: the same words in the API and on the pages."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from app.domain.errors import Detail
from app.domain.imports import ImportStatus
from app.store.import_queries import Filters
from app.web.parameter_names import refuse
from app.web.parameter_values import moment, object_type_named, one_of, plain_text, yes_or_no

NAMES = (
    *("status", "instance", "object_type", "client", "label", "file_name", "created_after", "created_before"),
    "attention",
)
_READERS: Mapping[str, Callable[[str], Any]] = {
    "status": partial(one_of, ImportStatus),
    "instance": lambda text: plain_text(text).lower(),
    "object_type": object_type_named,
    "client": plain_text,
    "label": plain_text,
    "file_name": plain_text,
    "created_after": moment,
    "created_before": moment,
    "attention": yes_or_no,
}


def read_filters(parameters: Mapping[str, str]) -> Filters:
    """Errors: BadParameter, with a detail for each mistake."""
    mistakes: list[Detail] = []
    values: dict[str, Any] = {}
    for name, read in _READERS.items():
        if name in parameters:
            try:
                values[name] = read(parameters[name])
            except ValueError as mistake:
                mistakes.append(Detail(str(mistake), field=name))
    refuse(mistakes)
    return Filters(**values)
