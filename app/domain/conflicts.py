"""Which parts may not be at Marketo together (ONE_KEY_AT_A_TIME), as far as can be told without looking at their keys.

Marketo runs two jobs side by side and does not dedupe between them; and a list takes one import at a time (1019).
"""

from enum import StrEnum

from app.domain.parts import ConflictScope


class Overlap(StrEnum):
    NEVER = "never"
    BY_KEY = "by_key"  # where they share a key
    ALWAYS = "always"


def overlap_of(one: ConflictScope, other: ConflictScope) -> Overlap:
    """When two parts of one instance touch the same records."""
    if one.list_id is not None and one.list_id == other.list_id:
        return Overlap.ALWAYS
    if one.space != other.space:
        return Overlap.NEVER
    if one.key_fields != other.key_fields or not one.key_fields:
        return Overlap.ALWAYS  # an email and an id may be of one lead
    if one.import_id == other.import_id and not (one.aside or other.aside):
        return Overlap.NEVER  # that is what was set aside for
    return Overlap.BY_KEY
