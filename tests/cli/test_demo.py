"""`sluice demo`, as `make demo` runs it."""

import re

import pytest

from tests.cli.conftest import Run

EXPECTED = {  # rows, imported, failed, warned
    "leads.csv": (40, 37, 3, 3),
    "leads.tsv": (12, 11, 1, 1),
    "cars.ssv": (10, 9, 1, 0),
    "members.csv": (12, 11, 1, 1),
}


@pytest.mark.endure  # and CI runs `make demo`
def test_the_demo_imports_the_samples_and_shows_every_failed_row(sluice: Run):
    """The counts, the reasons with their source rows, and Marketo's own count of its limits."""
    result = sluice("demo")
    assert result.returncode == 0, result.stderr
    for name, counts in EXPECTED.items():
        (numbers,) = re.findall(rf"{name} +complete +(\d+) +(\d+) +(\d+) +(\d+) +0", result.stdout)
        assert tuple(map(int, numbers)) == counts
        assert f"{name}: failures" in result.stdout
    assert "Value for lookup field 'email' not found" in result.stdout
    assert "missing.dedupe.fields" in result.stdout
    assert "never more than" in result.stdout
