"""A part as the API shows it."""

from dataclasses import replace
from datetime import UTC, datetime

from app.api.schemas.parts import AttemptError, Blocker, Part
from app.domain.lifecycle import PartState
from app.domain.parts import TryError
from app.reporting.parts import Blockage, PartView
from app.store.part_queries import BlockedBy
from tests.domain.test_instances import part

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_part_was_submitted_once_marketo_gave_it_a_batch():
    """Until then it was only tried."""
    view = PartView(replace(part(), submitted_at=NOON), None, None, None)
    assert Part.of(view).submitted_at is None
    taken = replace(view, part=replace(view.part, state=PartState.QUEUED, batch_id=3404))
    assert (Part.of(taken).submitted_at, Part.of(taken).batch_id) == (NOON, 3404)


def test_who_goes_first_is_named_to_whoever_may_see_it():
    """To others it is null, and since when is told all the same."""
    seen = Blocker.of(Blockage(NOON, BlockedBy(import_id=7, number=2, client="crm")))
    hidden = Blocker.of(Blockage(NOON, None))
    assert seen
    assert hidden
    assert seen.model_dump(by_alias=True) == {"import": 7, "part": 2, "since": "2026-11-23T12:00:00.000Z"}
    assert (hidden.import_id, hidden.part, hidden.since) == (None, None, NOON)
    assert Blocker.of(None) is None


def test_the_last_error_of_a_part_has_its_time():
    """Nothing where the last try went through."""
    assert AttemptError.of(None) is None
    shown = AttemptError.of(TryError("1016", "Too many imports", NOON))
    assert shown
    assert (shown.code, shown.message, shown.at) == ("1016", "Too many imports", NOON)


def test_a_part_says_with_how_many_other_imports_it_went():
    """Nothing before it goes; 0 where it went alone."""
    for company in (None, 0, 41):
        assert Part.of(PartView(replace(part(), bundled_with=company), None, None, None)).bundled_with == company
