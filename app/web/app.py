"""The HTTP API, put together."""

from importlib.metadata import version

from fastapi import FastAPI
from starlette.types import ASGIApp

from app.web import imports, instances, metrics, problems, results, status
from app.web.auth import LoopbackOnly
from app.web.facade import routes as facade
from app.web.health import Probe
from app.web.outlooks import Outlooks
from app.web.rates import Rates
from app.web.requests import Requests
from app.wiring import House

DESCRIPTION = "A durable queue in front of Marketo's Bulk Import: files in, and what became of every row out."


class _Api(FastAPI):
    def build_middleware_stack(self) -> ASGIApp:
        """What FastAPI puts together, behind what sees every answer: its own for an unexpected error, too."""
        return Requests(super().build_middleware_stack())


def create_app(house: House) -> FastAPI:
    app = _Api(title="Sluice", version=version("marketo-sluice"), description=DESCRIPTION)
    app.state.house = house
    app.state.probe = Probe(house)
    app.state.rates = Rates(house.settings.client_requests_per_minute, house.now)
    app.state.outlooks = Outlooks(house)
    problems.install(app)
    if house.settings.auth == "off":
        app.add_middleware(LoopbackOnly)
    for router in (imports.router, results.router, instances.router, status.guarded, status.router, metrics.router):
        app.include_router(router)
    app.router.routes.extend(facade.ROUTES)
    return app
