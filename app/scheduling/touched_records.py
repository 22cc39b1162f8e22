"""What a number of parts change at Marketo, so that another part is compared with all of them at once.

The rule is `domain.conflicts.overlap_of`, and for parts that it says to compare by key, whether they share one. Lists
are left to the caller. Comparing part by part would take time for each pair; here a part costs the same whatever the
number of parts before it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from app.domain.parts import ConflictScope
from app.files.record_keys import Digests

SEVERAL = 0  # in the place of an import's id: a key that several parts have, or a part with deferred duplicates


@dataclass(slots=True)
class _Parts:
    """How many parts there are, and how many of these are no deferred duplicates, by their import."""

    total: int = 0
    in_order: Counter[int] = field(default_factory=Counter)

    def add(self, scope: ConflictScope) -> None:
        self.total += 1
        if not scope.has_deferred_rows:
            self.in_order[scope.import_id] += 1

    def hold_other(self, scope: ConflictScope) -> bool:
        """Whether there is a part that may share a key with this one.

        Parts of one import share none unless one of them has deferred duplicates: the file was cut so.
        """
        own = 0 if scope.has_deferred_rows else self.in_order[scope.import_id]
        return self.total > own


@dataclass(slots=True)
class _Kind:
    """The parts of one kind of record."""

    parts: _Parts = field(default_factory=_Parts)
    without_keys: _Parts = field(default_factory=_Parts)  # those whose keys nobody knows
    key_fields: set[str] = field(default_factory=set)
    owners: dict[int, int] = field(default_factory=dict)  # by key: the import whose parts have it, or SEVERAL


@dataclass(slots=True)
class TouchedRecords:
    kinds: dict[str, _Kind] = field(default_factory=lambda: defaultdict(_Kind))

    def add(self, scope: ConflictScope, keys: Sequence[int] | None) -> None:
        """Add a part. `keys`: its record keys, or those of them that another part has too; None: nobody knows them."""
        kind = self.kinds[scope.record_kind]
        kind.parts.add(scope)
        kind.key_fields.add(scope.key_fields)
        if keys is None:
            kind.without_keys.add(scope)
            return
        owner = _owner(scope)
        for key in keys:
            if kind.owners.setdefault(key, owner) != owner:
                kind.owners[key] = SEVERAL

    def overlap(self, scope: ConflictScope, keys: Sequence[int] | None) -> bool:
        """Whether one of the parts may change the same records as this one."""
        kind = self.kinds.get(scope.record_kind)
        if kind is None:
            return False
        if not scope.key_fields or kind.key_fields != {scope.key_fields}:
            return True  # an email in one and an id in the other may belong to one lead
        if keys is None:
            return kind.parts.hold_other(scope)
        if kind.without_keys.hold_other(scope):
            return True
        owner, owners = _owner(scope), kind.owners
        return any(key in owners and (owner == SEVERAL or owners[key] != owner) for key in keys)


def _owner(scope: ConflictScope) -> int:
    return SEVERAL if scope.has_deferred_rows else scope.import_id


def shared_keys(keys_of_parts: Iterable[Digests | None]) -> list[Sequence[int] | None]:
    """For each part those of its keys that another part has too; the others can meet nothing. None stays None."""
    keys = list(keys_of_parts)
    shared: list[list[int] | None] = [None if digests is None else [] for digests in keys]
    digests = np.concatenate([np.zeros(0, np.uint64), *(known for known in keys if known is not None)])
    parts = np.repeat(np.arange(len(keys)), [0 if known is None else len(known) for known in keys])
    order = np.argsort(digests, kind="stable")
    digests, parts = digests[order], parts[order]
    as_next = digests[1:] == digests[:-1]
    is_shared = np.append(as_next, False) | np.append(False, as_next) if len(digests) else np.zeros(0, bool)
    for part, key in zip(parts[is_shared].tolist(), digests[is_shared].tolist(), strict=True):
        theirs = shared[part]
        assert theirs is not None
        theirs.append(key)
    return [*shared]
