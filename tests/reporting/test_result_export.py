"""Rejected rows, as a file and by pages, without HTTP."""

import pytest

from app.domain.errors import Gone
from app.domain.imports import Import
from app.reporting.result_export import ResultExport, refuse_erased
from app.store.results import Kind
from tests.support.stage import Stage

FILE = b"email,firstName\nada@example.com,Ada\n,Bad\n,Worse\n"


async def finished(stage: Stage) -> Import:
    number = await stage.created(FILE)
    await stage.run()
    import_ = await stage.container.reports.imports.get(number)
    assert import_ is not None
    return import_


async def file_of(export: ResultExport, import_: Import, kind: Kind, *, as_marketo: bool = False) -> list[str]:
    pieces = [piece async for piece in export.stream_file(import_, kind, as_marketo=as_marketo)]
    return b"".join(pieces).decode().splitlines()


async def test_the_file_has_a_header_and_each_row_with_its_number(stage: Stage):
    """As Marketo would give it, it has no numbers."""
    import_, export = await finished(stage), stage.container.reports.results
    assert import_.rows.failed == 2
    own, marketo = [await file_of(export, import_, Kind.FAILURES, as_marketo=flag) for flag in (False, True)]
    assert own[0] == "email,firstName,Import Failure Reason,Source Row"
    assert [line.rpartition(",")[2] for line in own[1:]] == ["2", "3"]
    assert marketo[0] == "email,firstName,Import Failure Reason"
    assert len(marketo) == 3


async def test_pages_hold_the_same_rows_one_after_the_other(stage: Stage):
    """Each begins behind the place that the one before it names, and the last one names none."""
    import_, export = await finished(stage), stage.container.reports.results
    first = await export.read_page(import_, Kind.FAILURES, after=None, size=1)
    second = await export.read_page(import_, Kind.FAILURES, after=first.next_place, size=1)
    assert [row.source_row for page in (first, second) for row in page.rows] == [2, 3]
    assert first.next_place is not None
    assert second.next_place is None
    assert list(first.columns) == ["email", "firstName"]


async def test_an_import_without_warnings_has_a_file_of_them_that_is_only_a_header(stage: Stage):
    """And Marketo gave none."""
    import_, export = await finished(stage), stage.container.reports.results
    assert len(await file_of(export, import_, Kind.WARNINGS)) == 1
    assert await export.has_rows_of_marketo(import_, Kind.FAILURES)
    assert not await export.has_rows_of_marketo(import_, Kind.WARNINGS)


async def test_erased_results_are_refused_and_never_shown_as_none(stage: Stage):
    """Neither before the file begins nor in its midst."""
    import_, export = await finished(stage), stage.container.reports.results
    refuse_erased(import_)
    await stage.container.erase.one(import_.id, by="somebody")
    erased = await stage.container.reports.imports.get(import_.id)
    assert erased is not None
    with pytest.raises(Gone):
        refuse_erased(erased)
    with pytest.raises(Gone):
        await file_of(export, import_, Kind.FAILURES)
