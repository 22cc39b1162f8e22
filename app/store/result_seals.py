"""Result rows that are sealed: their cells each by itself, their reasons so that equal ones of an import stay equal.

So the database can still find and count the rows with one reason, and tells by that which of them have the same one.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row

from app.encryption.errors import BrokenSeal
from app.store.blobs import Corrupt

if TYPE_CHECKING:
    from app.encryption.sealing import DataKey, TextSeal

REASON_CHARACTERS = 64  # of a reason that are in the index


def of_import(key: "DataKey", import_id: int) -> "TextSeal":
    """What seals an import's rows."""
    return key.for_texts(f"result-rows/{import_id}")


def seal_rows(rows: Sequence[Mapping[str, Any]], keys: "Mapping[int, DataKey]") -> list[dict[str, Any]]:
    """The columns of rows, sealed. `keys`: by import. It is slow for many rows: call it in a thread."""
    seals = {import_id: of_import(key, import_id) for import_id, key in keys.items()}
    sealed = []
    for row in rows:
        seal = seals[row["import_id"]]
        reason = seal.seal_alike(row["reason"])
        cells = seal.seal(row["cells"], _place(row["kind"], row["part_number"], row["position"]))
        texts = {"reason": reason, "reason_start": reason[:REASON_CHARACTERS], "cells": cells}
        sealed.append({**row, **texts, "sealed": True})
    return sealed


def changed(row: Any, key: "DataKey", *, seals: bool) -> dict[str, str]:
    """The texts of a row, or of the count of a reason, in the other of the two forms. Errors: Corrupt."""
    seal, texts = of_import(key, row.import_id), row._asdict()
    if seals:
        return seal_rows([{"cells": "", "position": 0, **texts}], {row.import_id: key})[0]
    if "cells" in texts:
        reason, cells = _opened(row, seal, row.import_id)
        return {"reason": reason, "reason_start": reason[:REASON_CHARACTERS], "cells": cells}
    return {"reason": open_reason(key, row.import_id, row.reason)}


def open_rows(rows: Sequence[Row[Any]], key: "DataKey", import_id: int) -> list[tuple[str, str]]:
    """(reason, cells) of rows of an import, sealed or not. Slow, as above. Errors: Corrupt."""
    seal = of_import(key, import_id)
    return [_opened(row, seal, import_id) if row.sealed else (row.reason, row.cells) for row in rows]


def open_reason(key: "DataKey", import_id: int, reason: str) -> str:
    """Errors: Corrupt."""
    try:
        return of_import(key, import_id).open(reason)
    except BrokenSeal as broken:
        raise Corrupt(f"a reason of import {import_id}: {broken}") from None


def _opened(row: Row[Any], seal: "TextSeal", import_id: int) -> tuple[str, str]:
    try:
        return seal.open(row.reason), seal.open(row.cells, _place(row.kind, row.part_number, row.position))
    except BrokenSeal as broken:
        raise Corrupt(f"a result row of import {import_id}: {broken}") from None


def _place(kind: str, part_number: int, position: int) -> str:
    """Where a row stands among the results of its import."""
    return f"{kind}/{part_number}/{position}"
