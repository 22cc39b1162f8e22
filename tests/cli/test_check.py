"""`sluice check` against a running service."""

import gzip
import json
from pathlib import Path

from tests.cli.conftest import Run
from tests.support.processes import ROOT, Service

LEADS = ROOT / "docs" / "samples" / "leads.csv"


def test_a_good_file_would_be_taken(sluice: Run, served: Service):
    """Exit code 0, and no import is made."""
    before = json.loads(sluice("status", "--json", URL=served.url).stdout)["imports"]
    result = sluice("check", LEADS, URL=served.url)
    assert result.returncode == 0, result.stderr
    assert "40 rows in 1 part\n" in result.stdout
    assert "No mistake: it would be taken." in result.stdout
    assert json.loads(sluice("status", "--json", URL=served.url).stdout)["imports"] == before


def test_mistakes_and_remarks_are_shown(sluice: Run, served: Service, tmp_path: Path):
    """Exit code 1, because an upload would be refused; its format is by its name, packed or not."""
    content = b"email\tFirst Name\tleadScore\na@example.com\tA\tmany\nA@example.com\tB\t7\n"
    (tmp_path / "people.tsv.gz").write_bytes(gzip.compress(content))
    result = sluice("check", "people.tsv.gz", URL=served.url)
    assert result.returncode == 1, result.stderr
    assert "mistake: Marketo has no field 'First Name'. Did you mean 'firstName'?" in result.stdout
    assert "leadScore is not a whole number" in result.stdout
    assert "1 of them have the key of an earlier row" in result.stdout


def test_a_script_gets_json_from_standard_input(sluice: Run, served: Service):
    """All of the answer."""
    result = sluice("check", "-", "--json", stdin="email\nnone\n", URL=served.url)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["rows"], found["remarks_total"], found["mistakes"]) == (1, 1, [])


def test_a_wrong_parameter_says_what_to_do(sluice: Run, served: Service):
    """As for `sluice submit`."""
    result = sluice("check", LEADS, "--instance", "other", URL=served.url)
    assert result.returncode == 1
    assert "There is no instance 'other'." in result.stderr
