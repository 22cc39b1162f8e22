"""The records the instance holds: tables that can be searched by any field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Value = str | int | bool | None
Key = tuple[str, ...]


def key_of(values: Mapping[str, Any], fields: tuple[str, ...]) -> Key:
    """Comparison disregards case and surrounding blanks, as text comparison in Marketo's database does."""
    return tuple(["" if (value := values.get(f)) is None else str(value).strip().casefold() for f in fields])


class Table:
    """Records by number. An index is built when a job first looks by its fields, and kept up after that."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.records: dict[int, dict[str, Any]] = {}
        self._indexes: dict[tuple[str, ...], dict[Key, dict[int, None]]] = {}
        self._latest = 0

    def find(self, fields: tuple[str, ...], key: Key) -> list[int]:
        """The numbers of the records with that key, oldest first."""
        if fields not in self._indexes:
            self._indexes[fields] = {}
            for number in self.records:
                self._enter(fields, number)
        return list(self._indexes[fields].get(key, ()))

    def insert(self, values: Mapping[str, Any]) -> int:
        self._latest += 1
        self.records[self._latest] = dict(values)
        for fields in self._indexes:
            self._enter(fields, self._latest)
        return self._latest

    def update(self, number: int, values: Mapping[str, Any]) -> None:
        record = self.records[number]
        touched = [fields for fields in self._indexes if not values.keys().isdisjoint(fields)]
        before = [key_of(record, fields) for fields in touched]
        record.update(values)
        for fields, key in zip(touched, before, strict=True):
            if key_of(record, fields) != key:
                del self._indexes[fields][key][number]
                self._enter(fields, number)

    def _enter(self, fields: tuple[str, ...], number: int) -> None:
        self._indexes[fields].setdefault(key_of(self.records[number], fields), {})[number] = None


class Records:
    """All tables of the instance, and the members of its static lists."""

    def __init__(self) -> None:
        self._tables: dict[str, Table] = {}
        self.list_members: dict[int, dict[int, None]] = {}

    def table(self, name: str) -> Table:
        return self._tables.setdefault(name, Table(name))

    def all(self, name: str) -> list[dict[str, Any]]:
        return [dict(record) for record in self.table(name).records.values()]

    def add_to_list(self, list_id: int, lead: int) -> None:
        self.list_members.setdefault(list_id, {})[lead] = None
