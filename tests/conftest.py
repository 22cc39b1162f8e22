"""What every test may ask for, and the tiers.

`make test` is what a contributor waits for: everything, with few repetitions. `make endure` is what takes long: the
tests marked `endure`, and every property once more with many examples. `database_url` runs a test on SQLite and on a
real PostgreSQL; where a test is not about the database, PostgreSQL's turn is its twin, which neither of them runs, but
`make twins`.
"""

import gc
import logging
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

from app.pipeline.finish import finish
from app.store.database import Database
from tests.support import databases
from tests.support.clock import SteppedClock
from tests.support.compiled import share_compiled_statements
from tests.support.pool import Pool

for profile, examples in (("test", 20), ("endure", 1000)):
    settings.register_profile(
        profile,
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        print_blob=True,
    )
settings.load_profile("test")

share_compiled_statements()
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))  # or thousands of lines

BOTH = ("sqlite", "postgresql")
RUN = "sluice_run"
ON_ONE_DATABASE = (
    "api",
    "attacks",
    "operations",
    "pages",
    "pipeline",
    "reporting",
    "results",
    "rooms",
    "scheduling",
    "story",
    "telemetry",
    "uploads",
    "web",
    "webhooks",
    "worker",
)
FOLDER = pytest.StashKey[Path]()
TESTS = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--share", metavar="K/N", default="1/1", help="run the Kth of N shares of what was selected")


def pytest_configure(config: pytest.Config) -> None:
    """All workers of a run share one folder, and one PostgreSQL in it, which the first one starts that needs it."""
    if hasattr(config, "workerinput"):  # we are a worker of pytest-xdist
        config.stash[FOLDER] = Path(config.workerinput[RUN])
    else:
        stack = ExitStack()
        config.add_cleanup(stack.close)
        config.stash[FOLDER] = stack.enter_context(databases.run_folder())
    databases.share_server(config.stash[FOLDER])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Of pytest-xdist: a worker is about to be started."""
    node.workerinput[RUN] = str(node.config.stash[FOLDER])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """The twins are marked, the longest begin first, and of what `-m` selects a share is left."""
    for item in items:
        if _is_on_postgresql(item) and _is_for_one_database(item):
            item.add_marker("twin")
    items.sort(key=_minutes, reverse=True)  # the longest first, or one would still run when all others are done
    yield  # here `-m` selects
    share, shares = map(int, config.getoption("--share").split("/"))
    items[:] = items[share - 1 :: shares]  # each share has some of the longest


def pytest_collection_finish() -> None:
    """What is there by now stays: the garbage collector need not look through it during each test."""
    gc.collect()
    gc.freeze()


def _is_for_one_database(item: pytest.Item) -> bool:
    """What stands above the store, but for what says `both_databases`; and elsewhere what says `one_database`."""
    is_above = item.path.relative_to(TESTS).parts[0] in ON_ONE_DATABASE
    is_kept = item.get_closest_marker("both_databases")
    return bool(item.get_closest_marker("one_database") or (is_above and not is_kept))


def _minutes(item: pytest.Item) -> float:
    """About how long a test takes; where nobody says so, next to nothing."""
    mark = item.get_closest_marker("endure")
    return float(mark.kwargs.get("minutes", 0)) if mark else 0.0


def _is_on_postgresql(item: pytest.Item) -> bool:
    """Whether the same test is there on SQLite, too: one that only PostgreSQL can pass has no parameter."""
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return any(isinstance(value, str) and value == "postgresql" for value in parameters)


@pytest.fixture(scope="session")
def sqlite_folder(pytestconfig: pytest.Config) -> Path:
    """Where this worker's SQLite files are kept."""
    return Path(tempfile.mkdtemp(prefix="sqlite-", dir=pytestconfig.stash[FOLDER]))


@pytest.fixture(scope="session")
def sqlite_template(sqlite_folder: Path) -> Path:
    return databases.sqlite_template(sqlite_folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with databases.postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    with databases.postgres_template(postgres_server) as name:
        yield name


@pytest.fixture(scope="session")
def postgres_pool(postgres_server: str, postgres_template: str) -> Iterator[Pool]:
    pool = Pool(postgres_server, postgres_template)
    yield pool
    pool.close()


@pytest.fixture
def sqlite_url(sqlite_template: Path, sqlite_folder: Path) -> Iterator[str]:
    """A fresh SQLite database with the current schema, for what SQLite alone does."""
    with tempfile.TemporaryDirectory(dir=sqlite_folder) as folder:
        yield databases.sqlite_copy(sqlite_template, Path(folder))


@pytest.fixture
def postgres_url(postgres_pool: Pool) -> Iterator[str]:
    """An empty PostgreSQL database with the current schema, for what PostgreSQL alone does."""
    with postgres_pool.borrowed() as url:
        yield url


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database with the current schema."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


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
    database = Database(database_url, finish=finish)
    yield database
    await database.close()


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()
