"""What every test may ask for. `database_url` runs a test on SQLite and on a real PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from app.store.database import Database
from tests.support import databases
from tests.support.clock import SteppedClock

settings.register_profile(
    "sluice", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], print_blob=True
)
settings.load_profile("sluice")

BOTH = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return databases.sqlite_template(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with databases.postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    with databases.postgres_template(postgres_server) as name:
        yield name


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database with the current schema."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield databases.sqlite_copy(request.getfixturevalue("sqlite_template"), tmp_path)
        else:
            server = request.getfixturevalue("postgres_server")
            template = request.getfixturevalue("postgres_template")
            yield stack.enter_context(databases.postgres_copy(server, template))


@pytest.fixture(params=BOTH)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database without any schema."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield f"sqlite:///{tmp_path / 'empty.db'}"
        else:
            server = request.getfixturevalue("postgres_server")
            yield stack.enter_context(databases.postgres_copy(server, None))


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()
