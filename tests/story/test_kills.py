"""The kill loop in its small form: the command that anyone can run, as one runs it."""

import random
import subprocess
import sys

import pytest

from tests.support.processes import ROOT

KILLS = 200


@pytest.mark.endure(minutes=6)
def test_two_hundred_kills_lose_nothing():
    """APIs, workers and the one process on SQLite are killed at random; the loop checks everything and exits 0.

    The seed is new each time; the loop prints it, and the command that plays the same plan again.
    """
    seed = random.SystemRandom().randrange(10**6)
    command = [sys.executable, "-m", "benchmarks.kills", f"--kills={KILLS}", f"--seed={seed}", "--samples=1"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
