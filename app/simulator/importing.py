"""Rows to records: what becomes of each row, decided when its job starts and written when its job ends.

A job looks records up as they were when it started, and among its own rows. So two jobs side by side that share a key
do not see each other and both create a record, as Adobe describes for custom objects ("Bulk Custom Object Import API:
records not deduping") and for close upserts of leads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.simulator.answers import MESSAGES, Refusal
from app.simulator.delimited import Sheet, write_sheet
from app.simulator.records import Key, Records, Table, key_of
from app.simulator.rules import Rules
from app.simulator.schema import Field
from app.simulator.targets import Target

OK, WARNED, FAILED = 0, 1, 2
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_EMAIL = re.compile(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")  # ASCII only: Adobe, "Leads", read 2026-08


@dataclass(slots=True)
class Outcome:
    """What a job will have done: a mark for each row, reasons by row, and the records to write."""

    marks: bytearray = field(default_factory=bytearray)
    failures: list[tuple[int, str]] = field(default_factory=list)
    warnings: list[tuple[int, str]] = field(default_factory=list)
    upserts: dict[Key, tuple[int | None, dict[str, Any]]] = field(default_factory=dict)

    def counts(self, rows: int) -> tuple[int, int, int]:
        """Imported, failed and warned among the first so many rows; a warned row is imported too."""
        failed, warned = self.marks.count(FAILED, 0, rows), self.marks.count(WARNED, 0, rows)
        return rows - failed, failed, warned


class _RowFailed(Exception):
    """Its message is the reason in the failures file."""


def check_header(sheet: Sheet, target: Target) -> None:
    """Refuses with 1006. Blanks around a name pass here and the column is ignored later, as seen with ` vin`."""
    names = [name.strip().lower() for name in sheet.header]
    if target.unknown_header == "reject":
        for written, name in zip(sheet.header, names, strict=True):
            if name not in target.fields:
                raise Refusal("1006", f"Header field '{written}' not found")
    if target.object_type != "custom_object":
        for key in target.key_fields:
            if key.lower() not in names:
                raise Refusal("1006", f"Header field '{key}' not found")


def decide(sheet: Sheet, target: Target, table: Table, leads: Table, rules: Rules) -> Outcome:
    """What becomes of each row, given the records as they are now."""
    outcome = Outcome()
    columns = [target.fields.get(name.lower()) for name in sheet.header]
    for number, row in enumerate(sheet.rows):
        cells = [(f, text.strip()) for f, text in zip(columns, row, strict=False) if f is not None]
        try:
            key, record, values = _upsert(cells, target, table, leads, rules, outcome)
        except _RowFailed as reason:
            outcome.failures.append((number, str(reason)))
            outcome.marks.append(FAILED)
            continue
        earlier = outcome.upserts.get(key)
        outcome.upserts[key] = (record, {**earlier[1], **values} if earlier else values)
        warning = _warning(cells)
        if warning:
            outcome.warnings.append((number, warning))
        outcome.marks.append(WARNED if warning else OK)
    return outcome


def fail_all(sheet: Sheet, reason: str) -> Outcome:
    rows = len(sheet.rows)
    return Outcome(bytearray([FAILED]) * rows, [(number, reason) for number in range(rows)])


def _upsert(
    cells: list[tuple[Field, str]], target: Target, table: Table, leads: Table, rules: Rules, outcome: Outcome
) -> tuple[Key, int | None, dict[str, Any]]:
    """One row's key, the record it fits (None: a new one), and its values; or _RowFailed."""
    texts = {f.name: text for f, text in cells}
    missing = next((name for name in target.key_fields if not texts.get(name)), None)
    if missing is not None:
        custom = target.object_type == "custom_object"
        raise _RowFailed("missing.dedupe.fields" if custom else f"Value for lookup field '{missing}' not found")
    values = {f.name: _value(f, text) for f, text in cells if text or rules.blank_cell == "clear"}
    for link in target.links:
        parent = (texts.get(link.field, "").casefold(),)
        if parent[0] and rules.unresolved_link == "fail" and not leads.find((link.lead_field,), parent):
            raise _RowFailed(f"Record for link field '{link.field}' not found")
    key = key_of(values, target.key_fields)
    if rules.repeated_key == "fail_later" and key in outcome.upserts:
        raise _RowFailed("Duplicate object found in input")
    matches = table.find(target.key_fields, key)
    if len(matches) > 1 and target.object_type == "lead" and rules.several_matches == "fail":
        raise _RowFailed(MESSAGES["1007"])
    if target.update_only and not matches:
        raise _RowFailed(MESSAGES["1004"])
    return key, matches[-1] if matches else None, values


def _value(field: Field, text: str) -> str | int | bool | None:
    """Only whole numbers are known to be checked; the reason names the field as people see it (Adobe's samples)."""
    if not text:
        return None
    if field.type in ("integer", "score"):
        if not _WHOLE.fullmatch(text):
            raise _RowFailed(f"Invalid data type in field {field.display_name}")
        return int(text)
    if field.type == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return text


def _warning(cells: list[tuple[Field, str]]) -> str | None:
    for f, text in cells:
        if f.type == "email" and text and not _EMAIL.fullmatch(text):
            return "Invalid email address"
    return None


def write_records(outcome: Outcome, target: Target, records: Records, at: float, stamp: int) -> None:
    """Writes what was decided. `stamp` is the batch id, noted on each record as `importedBy`."""
    moment = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    table = records.table(target.table)
    for record, values in outcome.upserts.values():
        if target.object_type == "program_member":
            _write_member(values, record, target, records, moment, stamp)
            continue
        number = _write(table, record, values, target, moment, stamp)
        if target.list_id is not None:
            records.add_to_list(target.list_id, number)


def _write(table: Table, record: int | None, values: dict[str, Any], target: Target, moment: str, stamp: int) -> int:
    written = {**values, "updatedAt": moment, "importedBy": stamp}
    if record is not None:
        written.pop("id", None)
        table.update(record, written)
        return record
    if target.partition:
        written["leadPartition"] = target.partition
    number = table.insert({**written, "createdAt": moment})
    identity = (
        {"marketoGUID": f"{stamp:08x}-{number:012x}"} if target.object_type == "custom_object" else {"id": number}
    )
    table.update(number, identity)
    return number


def _write_member(
    values: dict[str, Any], record: int | None, target: Target, records: Records, moment: str, stamp: int
) -> None:
    """A member of a program is a lead, found by email, and a membership of its own."""
    lead_values = {name: value for name, value in values.items() if name not in target.member_fields}
    own = {name: value for name, value in values.items() if name in target.member_fields}
    lead = _write(records.table("lead"), record, lead_values, target, moment, stamp)
    table = records.table("program_member")
    key = {"programId": target.program_id, "leadId": lead}
    member = {**key, **own, "email": values["email"], "statusName": target.program_status, "importedBy": stamp}
    matches = table.find(("programId", "leadId"), key_of(key, ("programId", "leadId")))
    if matches:
        table.update(matches[-1], member)
    else:
        table.insert(member)


def result_file(
    sheet: Sheet, reasons: list[tuple[int, str]], target: Target, *, heading: str, drop_empty_lookup: bool
) -> bytes:
    """The affected rows with all their columns, and the reason as the last one.

    With `drop_empty_lookup`, a lookup column at the end that is empty in every row is left out with its header, as
    seen in a live instance (blog.teknkl.com, on row numbers in bulk lead imports).
    """
    width = len(sheet.header)
    rows = [[*sheet.rows[number][:width], *[""] * (width - len(sheet.rows[number]))] for number, _ in reasons]
    header = sheet.header
    is_lookup = header[-1].strip().lower() in {key.lower() for key in target.key_fields}
    if drop_empty_lookup and is_lookup and width > 1 and not any(row[-1].strip() for row in rows):
        header, rows = header[:-1], [row[:-1] for row in rows]
    lines = [[*row, reason] for row, (_, reason) in zip(rows, reasons, strict=True)]
    return write_sheet([*header, heading], lines, sheet.delimiter)
