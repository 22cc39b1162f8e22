"""The rooms of the house, and the rules that hold for all code."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
APP = ROOT / "app"
CLOCKS = {"app/clock.py", "app/simulator/clock.py"}
LONG_ENOUGH = 60  # lines; what is shorter has a test of its own where it holds a rule that is worth one
ONLY_DECLARED = {
    "domain/answers.py",  # values without a rule
    "store/tables.py",  # what it declares is held against the migrations, and by every test of the store
}


def sources(*, below: Path = APP) -> list[Path]:
    return sorted(below.rglob("*.py"))


def test_the_import_contracts_hold():
    """lint-imports, as `make check` runs it; the arrows of the house."""
    found = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout


def test_SIMULATOR_RESTATES_neither_side_imports_the_other():
    """Judged by the source itself, so that a contract that was loosened is noticed."""
    for path in sources():
        inside = path.is_relative_to(APP / "simulator")
        for module in imported(path):
            if inside:
                assert not module.startswith("app.") or module.startswith("app.simulator"), (path, module)
            elif not path.is_relative_to(APP / "cli"):
                assert not module.startswith("app.simulator"), (path, module)


def test_TIME_IS_AN_ARGUMENT_only_the_clocks_ask_the_machine():
    """No module reads the wall clock but the two that are made for it, whatever the linter is told to ignore."""
    asking = {"now", "utcnow", "today", "time", "time_ns"}
    for path in sources():
        if str(path.relative_to(ROOT)) in CLOCKS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in asking:
                owner = ast.unparse(node.func.value)
                assert owner not in {"datetime", "date", "time", "datetime.datetime", "datetime.date"}, (
                    path,
                    node.lineno,
                )


@pytest.mark.parametrize(("table", "writers"), [("job", {"jobs.py"}), ("part", {"jobs.py", "parts.py"})])
def test_only_the_store_of_jobs_writes_a_jobs_state_and_with_it_that_of_its_parts(table: str, writers: set[str]):
    """`update(job)` stands in store/jobs.py and nowhere else; a part that is in no job is written by store/parts.py."""
    for path in sources():
        if path not in {APP / "store" / writer for writer in writers}:
            text = path.read_text()
            assert f"update({table})" not in text, path
            assert f"{table}.update()" not in text, path


@pytest.mark.parametrize(
    "step",
    [
        "pipeline/schedule.py",
        "pipeline/submit.py",
        "pipeline/poll.py",
        "pipeline/collect.py",
        "scheduling/conflict_checker.py",
        "worker/recovery.py",
    ],
)
def test_FENCED_a_step_writes_only_under_its_lease(step: str):
    """Through the fenced writer, which checks the epoch; `db.write` is for those who need no lease."""
    text = (APP / step).read_text()
    assert "self.fenced.write(" in text
    assert "db.write(" not in text


def test_reporting_knows_nothing_of_http():
    """So that pages, webhooks and workers can say the same as the API."""
    frameworks = {"fastapi", "starlette", "pydantic", "uvicorn", "prometheus_client"}
    for path in sources(below=APP / "reporting"):
        assert {module.split(".")[0] for module in imported(path)} & frameworks == set(), path


def test_no_module_of_the_service_is_loaded_by_its_name_but_where_that_is_explained():
    """An import in a string is an edge that no contract sees.

    The list of commands has them, what serves HTTP, what traces, and the beginning, which sets the signals' handlers
    before; and the vault, which needs no ciphers where there is no key.
    """
    cli = APP / "cli"
    explained = {
        cli / "commands.py",
        cli / "server.py",
        cli / "tracing.py",
        APP / "__main__.py",
        APP / "encryption" / "vault.py",
    }
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("app."):
                names_a_module = (ROOT / node.value.partition(":")[0].replace(".", "/")).with_suffix(".py").exists()
                assert not names_a_module or path in explained, (path, node.lineno)


def test_only_the_settings_read_the_environment():
    """os.environ and os.getenv stand in settings.py alone."""
    for path in sources():
        if path != APP / "settings.py":
            assert "environ" not in path.read_text(), path


def test_the_domain_needs_the_standard_library_only():
    """What is true does not depend on a package."""
    for path in sources(below=APP / "domain"):
        for module in imported(path):
            top = module.split(".")[0]
            assert top in sys.stdlib_module_names or module.startswith("app.domain"), (path, module)


def test_tests_mirror_the_app():
    """Whoever changes app/x/y.py finds its tests in tests/x/test_y.py."""
    without = {
        str(path.relative_to(APP))
        for path in sources()
        if path.name not in {"__init__.py", "__main__.py"}
        and len(path.read_text(encoding="utf-8").splitlines()) >= LONG_ENOUGH
        and not (ROOT / "tests" / path.relative_to(APP).with_name(f"test_{path.name}")).exists()
    }
    assert without == ONLY_DECLARED


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "manager", "service", "handler"])
def test_no_module_has_a_name_that_says_nothing(name: str):
    """A newcomer looks for a thing by its word."""
    assert not list(APP.rglob(f"*{name}*.py"))


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found
