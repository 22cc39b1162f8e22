"""`sluice list` and `events` against a running service."""

import json
import re

import pytest

from tests.cli.conftest import Run
from tests.cli.test_actions import submitted
from tests.support.processes import Service


def test_imports_are_listed_newest_first_by_what_is_asked_for(sluice: Run, served: Service):
    """A table for people, the API's items for scripts; of more than there may be it says so."""
    label = ("--label", "of the listing")
    ids = [submitted(sluice, served, "-", *label, stdin=f"email\nl{n}@example.com\n") for n in range(3)]
    listed = json.loads(sluice("list", *label, "--since", "1h", "--json", URL=served.url).stdout)
    assert [item["id"] for item in listed] == ids[::-1]
    shown = sluice("list", *label, "--limit", 2, URL=served.url).stdout
    assert re.findall(r"^ +(\d+) +\d+[sm] +local +of the listing +default ", shown, re.MULTILINE) == [
        str(import_id) for import_id in ids[:0:-1]
    ]
    assert "There may be more: --limit 4" in shown
    assert json.loads(sluice("list", *label, "--since", "2999-01-01", "--json", URL=served.url).stdout) == []
    assert json.loads(sluice("list", *label, "--file-name", "l", "--json", URL=served.url).stdout) == []
    cancelled = json.loads(sluice("list", *label, "--status", "cancelled", "--json", URL=served.url).stdout)
    assert cancelled == []


@pytest.mark.parametrize("since", ["yesterday", "9999999h", "999999d", "1h 2m", ""])
def test_a_time_that_is_none_is_bad_usage(sluice: Run, since: str):
    """With what a time looks like. What is left empty asks for everything."""
    result = sluice("list", "--since", since, URL="http://127.0.0.1:9")
    if since:
        assert result.returncode == 2
        assert "write 90m, 12h, 7d or 2026-11-23" in re.sub(r"[\s│]+", " ", result.stderr)
    else:
        assert "No Sluice answers" in result.stderr


def test_the_history_of_an_import_is_shown(sluice: Run, served: Service):
    """The oldest event first, with its facts."""
    made = submitted(sluice, served, "-", "--wait", stdin="email\nh1@example.com\n")
    shown = sluice("events", made, URL=served.url)
    assert shown.returncode == 0, shown.stderr
    types = re.findall(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ +(\w+)", shown.stdout, re.MULTILINE)
    assert (types[0], types[-1]) == ("accepted", "finished")
    assert "rows: 1" in shown.stdout
    listed = json.loads(sluice("events", made, "--json", URL=served.url).stdout)
    assert [event["type"] for event in listed] == types
    unknown = sluice("events", 999_999, URL=served.url)
    assert (unknown.returncode, unknown.stdout) == (1, "")
