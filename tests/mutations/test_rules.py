"""Each rule is broken in one line of a copy of the tree: the test that guards it must turn red.

What only reads the table is in `make test`, so that a line that has changed is noticed at once.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.mutations.table import TABLE, Mutation
from tests.support import databases, patience

ROOT = Path(__file__).parents[2]
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "dist", "*.egg-info", "benchmarks", "*.db")
FAILED, NAMES = 1, [f"{one.rule} {n}" for n, one in enumerate(TABLE, 1)]


def places(line: str) -> list[tuple[Path, int]]:
    """Where it stands in the service: (file, index of the line)."""
    return [
        (path, index)
        for path in sorted((ROOT / "app").rglob("*.py"))
        for index, found in enumerate(path.read_text(encoding="utf-8").splitlines())
        if found.strip() == line
    ]


def homes(test: str) -> list[Path]:
    """The files with a test of that name."""
    defined = re.compile(rf"^(async )?def {test}\(", re.MULTILINE)
    return [path for path in sorted((ROOT / "tests").rglob("test_*.py")) if defined.search(path.read_text())]


def test_every_rule_has_a_line_that_breaks_it():
    """The rules that CONTRIBUTING.md lists; a rule that is added needs one too."""
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = contributing.partition("\n## Rules that must hold\n")[2].partition("\n## ")[0]
    rules = set(re.findall(r"^\| ([A-Z_]+) \|", section, re.MULTILINE))
    assert len(rules) >= 14
    assert rules - {one.rule for one in TABLE} == set()


@pytest.mark.parametrize("mutation", TABLE, ids=NAMES)
def test_the_line_and_the_test_are_there(mutation: Mutation):
    """Once each. A line that was changed or taken away: put the one that now keeps the rule into the table."""
    assert len(places(mutation.old)) == 1, f"{mutation.rule}: {mutation.old!r} stands in {places(mutation.old)}"
    assert len(homes(mutation.red)) == 1, f"{mutation.rule}: {mutation.red} is in {homes(mutation.red)}"


@pytest.mark.endure
@pytest.mark.parametrize("mutation", TABLE, ids=NAMES)
def test_a_broken_rule_turns_its_test_red(mutation: Mutation):
    """The test fails; that it cannot be run at all does not count."""
    ((path, index),), (home,) = places(mutation.old), homes(mutation.red)
    with copied() as tree:
        broken = tree / path.relative_to(ROOT)
        lines = broken.read_text(encoding="utf-8").splitlines(keepends=True)
        lines[index] = lines[index].replace(mutation.old, mutation.new)
        broken.write_text("".join(lines), encoding="utf-8")
        code, told = outcome(tree, f"{home.relative_to(ROOT)}::{mutation.red}")
    assert code == FAILED, told
    assert re.search(rf"^FAILED \S*::{mutation.red}\b", told, re.MULTILINE), told


@contextmanager
def copied() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sluice-mutation-", dir=databases.memory()) as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=NOT_COPIED)
        yield tree


def outcome(tree: Path, test: str) -> tuple[int, str]:
    """As in `make test`, on SQLite: pytest's exit code and what it printed."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "SLUICE_"))}
    words = ("-m", "pytest", "-x", "-rf", "--tb=short", "-k", "not postgresql", test)
    done = subprocess.run(
        [sys.executable, *words],
        cwd=tree,
        env=bare,
        capture_output=True,
        text=True,
        timeout=patience.seconds(120),
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
