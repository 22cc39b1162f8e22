"""The client against the other end of HTTP."""

from app.domain.answers import Accepted, Status
from tests.marketo.stage import LEADS, SECRET, TOKEN, Stage, form, part


async def test_a_part_that_marketo_takes_is_accepted_with_its_batch_id():
    """The plain way: one token, one POST, one batch id."""
    stage = Stage()
    assert await stage.marketo.submit(LEADS, part()) == Accepted(3404, Status.QUEUED)
    (call,) = stage.calls
    assert call.headers["authorization"] == f"Bearer {TOKEN}"
    (identity,) = stage.identity_calls
    assert form(identity)["client_secret"] == [SECRET]
