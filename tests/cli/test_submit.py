"""`sluice submit` against a running service."""

import gzip
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from app.files.compression import zstd
from tests.cli.conftest import Run
from tests.support.processes import ROOT, Service
from tests.support.tiers import chosen

LEADS = ROOT / "docs" / "samples" / "leads.csv"


def test_submit_and_wait_shows_what_became_of_the_rows(sluice: Run, served: Service):
    """Exit code 1, because some rows failed; which ones, and why."""
    result = sluice("submit", LEADS, "--wait", "--label", "by hand", "--metadata", "run=7", URL=served.url)
    assert result.returncode == 1
    assert "complete" in result.stdout
    assert "Rejected rows" in result.stdout
    assert "Value for lookup field 'email' not found" in result.stdout


def test_submit_from_standard_input_prints_json_for_scripts(sluice: Run, served: Service):
    """Exit code 0, because every row was imported; standard output is JSON and nothing else."""
    result = sluice(
        *("submit", "-", "--wait", "--json", "--label", "piped", "--metadata", "run=7", "--priority", 9),
        stdin="email\na@example.com\nb@example.com\n",
        URL=served.url,
    )
    assert result.returncode == 0, result.stderr
    made = json.loads(result.stdout)
    assert (made["status"], made["rows"]["imported"], made["label"]) == ("complete", 2, "piped")
    assert (made["metadata"], made["priority"]) == ({"run": "7"}, 9)
    shown = json.loads(sluice("status", made["id"], "--json", URL=served.url).stdout)
    assert shown["id"] == made["id"]


def test_a_word_that_bundle_does_not_have_is_bad_usage(sluice: Run):
    """The message names those that there are."""
    wrong = sluice("submit", "-", "--bundle", "always", stdin="email\na@example.com\n")
    assert wrong.returncode == 2
    assert "never" in wrong.stderr


def test_the_format_is_taken_from_the_file_s_name(sluice: Run, served: Service, tmp_path: Path):
    """Unless it is given."""
    (tmp_path / "people.tsv").write_text("email\tfirstName\na@example.com\tAnn\n")
    made = json.loads(sluice("submit", "people.tsv", "--json", URL=served.url).stdout)
    assert (made["format"], made["file"]["name"]) == ("tsv", "people.tsv")


@pytest.mark.parametrize("pack", chosen([gzip.compress, zstd.compress], gzip.compress), ids=["gz", "zst"])
def test_a_packed_file_is_simply_sent(sluice: Run, served: Service, tmp_path: Path, pack):
    """Its format is by what stands before .gz; through a pipe it is known by its first bytes."""
    end = "gz" if pack is gzip.compress else "zst"
    (tmp_path / f"people.tsv.{end}").write_bytes(pack(b"email\tfirstName\na@example.com\tAnn\n"))
    made = json.loads(sluice("submit", f"people.tsv.{end}", "--json", URL=served.url).stdout)
    assert (made["format"], made["file"]["rows"]) == ("tsv", 1)
    command = [sys.executable, "-m", "app", "submit", "-", "--json"]
    env = os.environ | {"SLUICE_URL": served.url, "PYTHONPATH": str(ROOT)}
    piped = subprocess.run(command, input=pack(b"email\nb@example.com\n"), capture_output=True, env=env, cwd=tmp_path)
    assert json.loads(piped.stdout)["file"]["rows"] == 1, piped.stderr
    failed = json.loads(sluice("submit", LEADS, "--wait", "--json", URL=served.url).stdout)
    (tmp_path / f"mended.csv.{end}").write_bytes(pack(b"email,firstName\nmended@example.com,M\n"))
    result = sluice("retry", failed["id"], f"mended.csv.{end}", "--failures", URL=served.url)
    assert result.returncode == 0, result.stderr


def test_a_refusal_names_the_command_to_try_next(sluice: Run, served: Service, tmp_path: Path):
    """With all that was given and all that is to be said; typed as it stands, it succeeds."""
    (tmp_path / "my leads.csv").write_bytes("email;firstName\nzoe@example.com;Zoë\n".encode("cp1252"))
    given = ("--label", "by hand", "--bundle", "never", "--metadata", "run=7")
    result = sluice("submit", "my leads.csv", *given, URL=served.url)
    assert result.returncode == 1
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Try: ")]
    words = shlex.split(line.removeprefix("Try: "))
    assert words[:3] == ["sluice", "submit", "my leads.csv"]
    assert {"--charset", "cp1252", "--format", "ssv", "--label", "by hand", "--bundle", "never", "run=7"} <= set(words)
    again = sluice(*words[1:], "--json", URL=served.url)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["label"] == "by hand"
    assert result.stderr.count("holds bytes that are not utf-8") == 1


def test_rows_that_do_not_fit_the_header_are_counted(sluice: Run, served: Service):
    """Nobody should have to ask for it."""
    result = sluice("submit", "-", stdin="email,firstName\na@example.com\nb@example.com,B\n", URL=served.url)
    assert "1 row has another number of cells than the header" in result.stdout


def test_a_refused_file_is_explained(sluice: Run, served: Service):
    """The problem's title, its sentence, and each of its errors."""
    result = sluice("submit", "-", stdin="email,email\na,b\n", URL=served.url)
    assert (result.returncode, result.stdout) == (1, "")
    assert "stands in the header twice" in result.stderr


@pytest.mark.parametrize("metadata", ["run", "=7="])
def test_metadata_is_pairs(sluice: Run, served: Service, metadata: str):
    """`run` alone is bad usage."""
    result = sluice("submit", LEADS, "--metadata", metadata, URL=served.url)
    assert result.returncode == (2 if metadata == "run" else 0)


def test_preflight_s_remarks_are_counted(sluice: Run, served: Service):
    """With the command that shows the rows."""
    result = sluice(
        *("submit", "-", "--preflight", "rows", "--wait"),
        stdin="email,leadScore\na@example.com,many\nb@example.com,2\n",
        URL=served.url,
    )
    (import_id,) = re.findall(r"Import (\d+)", result.stdout)
    assert f"1 row remarked upon by pre-flight: sluice failures {import_id} --warnings\n" in result.stdout
    result = sluice("submit", "-", "--preflight", "rows", stdin="email,leadScore\na@example.com,2\n", URL=served.url)
    assert result.returncode == 0, result.stderr
    assert "remarked" not in result.stdout


def test_columns_are_mapped_and_left_out(sluice: Run, served: Service, tmp_path: Path):
    """A column's name may have the sign itself; a refusal repeats what was given, and `check` takes the same."""
    (tmp_path / "crm.csv").write_text("Email Address,A=B,Id\nmapped@example.com,Ann,7\n")
    words = ("--map", "Email Address=email", "--map", "A=B=firstName", "--skip", "Id")
    checked = sluice("check", "crm.csv", *words, URL=served.url)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    made = json.loads(sluice("submit", "crm.csv", *words, "--wait", "--json", URL=served.url).stdout)
    assert made["column_map"] == {"Email Address": "email", "A=B": "firstName", "Id": None}
    assert (made["status"], made["rows"]["imported"]) == ("complete", 1)
    (tmp_path / "other.csv").write_bytes("Email Address;A=B;Id\nzoë@example.com;Ann;7\n".encode("cp1252"))
    refused = sluice("submit", "other.csv", *words, URL=served.url)
    assert refused.returncode == 1
    (line,) = [line for line in refused.stderr.splitlines() if line.startswith("Try: ")]
    again = sluice(*shlex.split(line.removeprefix("Try: "))[1:], URL=served.url)
    assert again.returncode == 0, again.stdout + again.stderr
