"""`sluice demo`, as `make demo` runs it."""

import re

from tests.cli.conftest import Run

EXPECTED = {  # rows, imported, failed, warned
    "leads.csv": (40, 37, 3, 3),
    "leads.tsv": (12, 11, 1, 1),
    "cars.ssv": (10, 9, 1, 0),
    "members.csv": (12, 11, 1, 1),
}


def test_the_demo_imports_the_samples_and_shows_every_failed_row(sluice: Run):
    """The counts, the reasons with their source rows, and Marketo's own count of its limits."""
    told = sluice("demo")
    assert told.returncode == 0, told.stderr
    for name, counts in EXPECTED.items():
        (numbers,) = re.findall(rf"{name} +complete +(\d+) +(\d+) +(\d+) +(\d+) +0", told.stdout)
        assert tuple(map(int, numbers)) == counts
        assert f"{name}: failures" in told.stdout
    assert "Value for lookup field 'email' not found" in told.stdout
    assert "missing.dedupe.fields" in told.stdout
    assert "never more than" in told.stdout
