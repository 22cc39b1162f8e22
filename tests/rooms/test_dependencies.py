"""What the service imports is what pyproject.toml asks for, and none of its bounds lets in what does not do."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.rooms.test_structure import ROOT, imported

TRACES = {  # the longest first: what brings each module of OpenTelemetry, whose packages share one name
    "opentelemetry.instrumentation.asgi": "opentelemetry-instrumentation-asgi",
    "opentelemetry.instrumentation.httpx": "opentelemetry-instrumentation-httpx",
    "opentelemetry.instrumentation.sqlalchemy": "opentelemetry-instrumentation-sqlalchemy",
    "opentelemetry.util.http": "opentelemetry-util-http",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "opentelemetry": "opentelemetry-api",
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAME = re.compile(r"[A-Za-z0-9._-]++")
OURS = {"app", "migrations"}
STANDARD = sys.stdlib_module_names | {"compression"}  # from Python 3.14 on; before, something declared stands in
AT_RUN_TIME = {  # is not imported by a name: who does, or why it must be there
    "psycopg": "app/store/pg_notify.py, once it is needed; and SQLAlchemy, as the driver of PostgreSQL",
    "httptools": "uvicorn, where it is there: the parser that tells callers what is wrong with a request",
    "tzdata": "zoneinfo, on a machine without time zones of its own",
    "uvloop": "app/cli/server.py, where there is one",
}
PATCHED = {"python-multipart": (0, 0, 31), "starlette": (1, 3, 1), "python-dotenv": (1, 2, 2)}
"""The first releases without an advisory that was known in November 2026."""


def plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def declared(extra: str = "") -> dict[str, str]:
    """What each requirement says, by the name of its distribution."""
    requirements = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    return {plain(NAME.match(one)[0]): one for one in requirements}


def used() -> dict[str, Path]:
    """The distributions that app/ and migrations/ import, each with a file that does."""
    known, found = packages_distributions(), {}
    for folder in sorted(OURS):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for module in imported(path):
                top = module.split(".")[0]
                if top not in STANDARD | OURS | {"opentelemetry"}:
                    names = [plain(name) for name in known.get(top, [top])]
                    found[next((name for name in names if name in declared()), names[0])] = path
    return found


def test_what_is_imported_is_declared():
    """Not what something else happens to bring along: the next release of that may not."""
    assert {name: str(path) for name, path in used().items() if name not in declared()} == {}


def test_what_is_declared_is_used():
    """Or nobody would know why it is there."""
    assert declared().keys() - used().keys() - AT_RUN_TIME.keys() == set()


def test_only_the_room_of_traces_needs_the_extra_and_it_needs_all_of_it():
    """The exporter is looked up by its name, as OTEL_TRACES_EXPORTER gives it."""
    needed = {"opentelemetry-exporter-otlp-proto-http"}
    for path in sorted((ROOT / "app").rglob("*.py")):
        modules = [module for module in imported(path) if module.split(".")[0] == "opentelemetry"]
        assert not modules or path.parent.name == "telemetry", path
        needed |= {
            next(TRACES[begin] for begin in TRACES if f"{module}.".startswith(f"{begin}.")) for module in modules
        }
    assert needed == declared("otel").keys()


@pytest.mark.parametrize(
    ("extra", "name"), [(extra, name) for extra in ("", "otel") for name in sorted(declared(extra))]
)
def test_every_requirement_has_a_lower_bound_that_the_lock_file_keeps(extra: str, name: str):
    """What is locked was tested; what is older than the bound was not, or does not work."""
    requirement = declared(extra)[name]
    least = re.search(r">=([0-9.]++)", requirement)
    assert least, requirement
    lock = ROOT / ("requirements-otel.lock" if extra else "requirements.lock")
    locked = re.findall(rf"^{name}==([0-9.]++)", lock.read_text(), re.MULTILINE)
    assert locked
    assert all(version(one) >= version(least[1]) for one in locked)


@pytest.mark.parametrize("name", sorted(PATCHED))
def test_no_lower_bound_lets_a_release_in_that_has_an_advisory(name: str):
    """Whoever installs Sluice without its lock files gets none of them either."""
    least = re.search(r">=([0-9.]++)", declared()[name])
    assert version(least[1]) >= PATCHED[name]


def version(written: str) -> tuple[int, ...]:
    return tuple(int(number) for number in written.strip(".").split("."))
