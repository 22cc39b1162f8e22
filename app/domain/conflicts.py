"""Which parts may not be at Marketo at the same time (ONE_KEY_AT_A_TIME), before their record keys are compared.

Marketo runs two jobs side by side and does not dedupe between them. A static list takes one import at a time (1019).
"""

from enum import StrEnum

from app.domain.parts import ConflictScope


class Overlap(StrEnum):
    NEVER = "never"  # they may run together
    BY_KEY = "by_key"  # they overlap if they share a record key
    ALWAYS = "always"  # they may not run together


def overlap_of(first: ConflictScope, second: ConflictScope) -> Overlap:
    """Whether two parts of one instance may change the same records."""
    if first.list_id is not None and first.list_id == second.list_id:
        return Overlap.ALWAYS
    if first.record_kind != second.record_kind:
        return Overlap.NEVER
    if first.key_fields != second.key_fields or not first.key_fields:
        return Overlap.ALWAYS  # an email in one and an id in the other may belong to one lead
    if first.import_id == second.import_id and not (first.has_deferred_rows or second.has_deferred_rows):
        return Overlap.NEVER  # the file was cut so that these share no key
    return Overlap.BY_KEY
