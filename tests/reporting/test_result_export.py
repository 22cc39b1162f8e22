"""Rejected rows, as a file and by pages, without HTTP."""

import pytest

from app.domain.errors import Gone
from app.domain.imports import Import
from app.reporting import result_export
from app.reporting.result_export import ResultExport, Selection, refuse_erased
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
    pieces = [piece async for piece in export.stream_file(import_, Selection(kind), as_marketo=as_marketo)]
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
    first = await export.read_page(import_, Selection(Kind.FAILURES), after=None, size=1)
    second = await export.read_page(import_, Selection(Kind.FAILURES), after=first.next_place, size=1)
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


async def test_a_byte_order_mark_comes_first_where_it_is_asked_for(stage: Stage):
    """Once, and before the header."""
    import_, export = await finished(stage), stage.container.reports.results
    content = b"".join([piece async for piece in export.stream_file(import_, Selection(Kind.FAILURES), bom=True)])
    assert content.startswith(b"\xef\xbb\xbfemail,")
    assert content.count(b"\xef\xbb\xbf") == 1


async def test_reasons_are_counted_and_the_rarest_left_out_with_their_number(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    """Each row may have one of its own; how many there are is told all the same."""
    content = b"email,leadScore\n" + b"".join(b"%d@example.com,many\n" % n for n in range(5)) + b",1\n"
    import_id = await stage.created(content)
    await stage.run()
    import_ = await stage.container.reports.imports.get(import_id)
    assert import_ is not None
    counted = await stage.container.reports.results.count_reasons(import_, Kind.FAILURES)
    assert [(count.rows, count.first_source_row) for count in counted.counts] == [(5, 1), (1, 6)]
    assert counted.total == 2
    monkeypatch.setattr(result_export, "REASONS_SHOWN", 1)
    counted = await stage.container.reports.results.count_reasons(import_, Kind.FAILURES)
    assert [count.rows for count in counted.counts] == [5]
    assert counted.total == 2
