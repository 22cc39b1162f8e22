"""Names of the parameters of an import, in the order in which they are published. What each is stands in app/domain."""

from app.domain.imports import REQUEST_PARAMETERS
from app.domain.objects import OBJECT_TYPES

INT32 = 2**31 - 1  # Marketo's ids. Adobe, "Bulk lead import", read 2026-08
OBJECT_TYPE = "object_type"
FIRST = ("instance", "format", "charset")  # of the parameters of every import; the object types' own ones follow
OF_TYPE: dict[str, str] = {name: kind.object_type for kind in OBJECT_TYPES.values() for name in kind.parameters()}
"""By name, the object type whose parameter it is."""
LAST = ("priority", "not_before", "preflight", "on_unconfirmed", "bundle", "label", "metadata", "column_map", "review")
KNOWN = (OBJECT_TYPE, *FIRST, *OF_TYPE, *LAST)

assert set(REQUEST_PARAMETERS) == {*FIRST, *LAST}
