"""The kill loop in its small form: the command that anyone can run, as one runs it."""

import random
import subprocess
import sys

import pytest

from tests.support.processes import ROOT

KILLS, LOOPS = 50, 4  # a loop in under three minutes


@pytest.mark.endure(minutes=2)
@pytest.mark.parametrize("loop", range(1, LOOPS + 1))
def test_two_hundred_kills_lose_nothing(loop: int):
    """APIs, workers and the one process on SQLite are killed at random; the loop checks everything and exits 0.

    The seed is new each time; the loop prints it, and the command that plays the same plan again.
    """
    seed = LOOPS * random.SystemRandom().randrange(10**6) + loop  # no two loops have the same
    command = [sys.executable, "-m", "benchmarks.kills", f"--kills={KILLS}", f"--seed={seed}", "--samples=1"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
