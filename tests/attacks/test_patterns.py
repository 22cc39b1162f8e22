"""No regular expression of the service or its simulator can backtrack: none takes longer than its text is long."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import app
from app.files import records
from app.simulator import routes
from tests.support.patterns import backtracks

ROOT = Path(app.__file__).parent
MADE_AT_RUN_TIME = {"files/records.py", "simulator/routes.py"}  # from a delimiter; from our own paths


def compiled() -> "Iterator[tuple[str, re.Pattern]]":
    """Every pattern that a module holds."""
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if not module.name.endswith("__main__"):
            for name, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, re.Pattern):
                    yield f"{module.name}.{name}", value


def written() -> "Iterator[tuple[str, ast.expr]]":
    """What every call of re's is given as its pattern."""
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            asked = ast.unparse(node.func) if isinstance(node, ast.Call) and node.args else ""
            if asked.startswith("re.") and asked != "re.escape":
                yield str(path.relative_to(ROOT)), node.args[0]


def test_no_pattern_that_a_module_holds_can_backtrack():
    """All of them, the simulator's too."""
    found = dict(compiled())
    assert len(found) > 5
    assert {name: told for name, one in found.items() if (told := backtracks(one))} == {}


def test_no_pattern_that_stands_in_a_call_can_backtrack():
    """Nor is there one that is put together where nobody sees it, bar two."""
    for path, pattern in written():
        if isinstance(pattern, ast.Constant):
            assert backtracks(re.compile(pattern.value)) == [], path
        else:
            assert path in MADE_AT_RUN_TIME, ast.unparse(pattern)
    for delimiter in (b",", b"\t", b";"):
        assert backtracks(records._cell_of(delimiter)) == []
    for route in routes.ROUTES:
        assert backtracks(route.path) == []


@pytest.mark.parametrize(
    "pattern",
    [
        r"[0-9]+\.?[0-9]*",  # what took 95 seconds for 40,000 digits
        r"\+?0*([0-9]+)",
        r"(a|a)*b",
        r"(a*)*b",
        r"(a+)+b",
        r"a.*b.*c",
        r"\s*(\w+\s*)*x",
        r"(x+x+)+y",
        r"[a-z]+[A-Z]+|[a-z]+(?i:Z)*z",
        r"(?:a?b?)*c",
        r"(a)\1*",
    ],
)
def test_a_pattern_that_can_is_noticed(pattern: str):
    """The test itself is tested."""
    assert backtracks(re.compile(pattern))


@pytest.mark.parametrize(
    "pattern",
    [
        r"[0-9]++(?:\.[0-9]*+)?",
        r"a*b",
        r"(?:ab|cd)*e",
        r'"[^"]*"',
        r"[+-]?[0-9]{1,19}",
        r"(?>a+)a",
        r"(?:\.[a-z]+)+",
        r"(a|ab)*c",
    ],
)
def test_a_pattern_that_cannot_is_left_alone(pattern: str):
    """Else the rule would forbid all of them."""
    assert backtracks(re.compile(pattern)) == []
