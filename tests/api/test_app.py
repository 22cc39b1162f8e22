"""The API put together: its routes and what is around them."""

from app.api.app import create_app
from tests.support.stage import Stage


async def test_no_route_answers_with_a_redirect(stage: Stage):
    """The router is told not to."""
    assert create_app(stage.container).router.redirect_slashes is False
