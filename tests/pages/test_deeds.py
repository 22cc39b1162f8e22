"""What is offered about what needs a person: to whom, and what it says in numbers."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.domain.api_keys import Caller, Scope
from app.domain.instances import InstanceState
from app.pages.deeds import offers_for, pause, resume
from app.pages.visitors import Visitor
from app.reporting.needs import Need, NeedKind, of_import
from app.store import import_queries
from app.store.attention import AttentionCriteria
from app.store.database import Database
from tests.store.seed import an_import, parts_of
from tests.support.in_jobs import put

NOW = datetime(2026, 11, 5, tzinfo=UTC)


def visitor(*scopes: Scope, client: str = "local") -> Visitor:
    return Visitor(Caller(client, frozenset(scopes)), "token", is_signed_in=True)


async def lost(db: Database) -> Need:
    """An import with one unconfirmed part, whose job others share, and one that Marketo has."""
    import_id = await an_import(db, parts_count=2, rows=1_500)
    first, second = await parts_of(db, import_id)
    async with db.write() as tx:
        await put(tx, first.id, "unconfirmed", slot=1)
        await put(tx, second.id, "queued", slot=2)
        await tx.exec_driver_sql(f"UPDATE part SET bundled_with = 2 WHERE id = {first.id}")
        import_ = await import_queries.get(tx, import_id, by=AttentionCriteria(now=NOW, stuck_seconds=1))
    assert import_
    return of_import(import_, await parts_of(db, import_id))


async def test_what_marketo_may_have_is_sent_again_or_given_up_by_who_may_operate(db: Database):
    """The numbers: parts, rows, and how many others share the job."""
    need = await lost(db)
    again, give_up = offers_for(need, visitor(Scope.OPERATE))
    assert "1 part with 1\u202f500 rows" in again.tells
    assert "2 other imports" in again.tells
    assert again.confirm == "Send 1\u202f500 rows again"
    assert "2 parts at Marketo with 3\u202f000 rows" in give_up.tells
    assert give_up.confirm == "Give up 2 parts"
    assert give_up.is_grave
    for scopes in ((Scope.READ,), (Scope.SUBMIT,)):
        assert offers_for(need, visitor(*scopes)) == []


async def test_a_failed_import_is_retried_by_its_client_or_who_may_operate(db: Database):
    need = await lost(db)
    assert need.import_
    failed = replace(need, kind=NeedKind.FAILED)
    (own,) = offers_for(failed, visitor(Scope.SUBMIT, client=need.import_.request.client))
    assert own.action == f"/imports/{need.import_.id}/retry"
    assert "3\u202f000 rows" in own.tells
    assert offers_for(failed, visitor(Scope.OPERATE))[0] == own, "so that a page changes with what it says alone"
    assert offers_for(failed, visitor(Scope.SUBMIT, client="another")) == []


@pytest.mark.parametrize(("condition", "label"), [("paused", "Resume…"), ("blocked", "Try again…")])
def test_an_instance_that_stands_is_let_go_on(condition: str, label: str):
    offer = resume("default", InstanceState(condition))
    assert (offer.label, offer.action) == (label, "/instances/default/resume")


def test_a_pause_says_what_goes_on_all_the_same():
    assert "3 jobs at Marketo will finish" in pause("default", at_marketo=3).tells
    assert "Nothing is at Marketo now" in pause("default", at_marketo=0).tells
    assert pause("default", at_marketo=0).asks_reason
