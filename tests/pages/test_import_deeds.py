"""What is offered about one import, by how it stands: in numbers."""

from app.domain.api_keys import Caller, Scope
from app.pages.deeds import Offer
from app.pages.import_deeds import offers_of
from app.pages.visitors import Visitor
from tests.story.files import LEADS_WITH_TROUBLE, leads
from tests.support.stage import Stage


async def offered(stage: Stage, number: int, *scopes: Scope, max_priority: int = 9) -> dict[str, Offer]:
    """By their labels."""
    import_ = await stage.container.reports.imports.get(number)
    assert import_
    details = await stage.container.reports.details.read(import_, may_see=lambda _client: True)
    caller = Caller("local", frozenset(scopes or {Scope.OPERATE}), max_priority)
    return {offer.label: offer for offer in offers_of(details, Visitor(caller, "token", is_signed_in=True))}


async def test_a_cancel_says_what_stops_and_what_marketo_will_finish(open_stage: Stage):
    number = await open_stage.created(leads(220))
    offer = (await offered(open_stage, number))["Cancel…"]
    assert offer.confirm == "Cancel 220 rows"
    assert "1 part with 220 rows is not sent any more." in offer.tells
    assert "will finish" not in offer.tells
    await open_stage.beat()
    assert "Cancel…" not in await offered(open_stage, number), "nothing of it waits any more"


async def test_a_key_is_offered_no_higher_priority_than_it_may_give(open_stage: Stage):
    number = await open_stage.created(leads(3))
    priority = (await offered(open_stage, number, max_priority=6))["Change…"].inputs[0]
    assert [value for value, _ in priority.choices] == ["6", "5", "4", "3", "2", "1", "0"]
    assert priority.value == "5"


async def test_an_erasure_asks_again_and_says_what_goes(open_stage: Stage):
    number = await open_stage.created(LEADS_WITH_TROUBLE)
    await open_stage.run()
    erase = (await offered(open_stage, number, Scope.SUBMIT))["Erase…"]
    assert erase.asks_again
    assert "2 rejected rows and 1 row with a remark go for good" in erase.tells
    assert await offered(open_stage, number, Scope.READ) == {}
