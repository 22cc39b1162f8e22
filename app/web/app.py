"""The HTTP API, put together."""

from importlib.metadata import version

from fastapi import FastAPI

from app.web import imports, instances, metrics, problems, results, status
from app.web.auth import LoopbackOnly
from app.web.health import Probe
from app.web.outlooks import Outlooks
from app.wiring import House

DESCRIPTION = "A durable queue in front of Marketo's Bulk Import: files in, and what became of every row out."


def create_app(house: House) -> FastAPI:
    app = FastAPI(title="Sluice", version=version("marketo-sluice"), description=DESCRIPTION)
    app.state.house = house
    app.state.probe = Probe(house)
    app.state.outlooks = Outlooks(house)
    problems.install(app)
    if house.settings.auth == "off":
        app.add_middleware(LoopbackOnly)
    for room in (imports, results, instances, status, metrics):
        app.include_router(room.router)
    return app
