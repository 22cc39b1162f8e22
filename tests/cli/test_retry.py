"""`sluice retry` against a running service."""

from pathlib import Path

from tests.cli.conftest import Run
from tests.cli.test_actions import LEADS, read, submitted, who
from tests.support.processes import Service, wait_until
from tests.support.terminal import Terminal


def test_retry_sends_the_parts_that_were_left_behind_again(sluice: Run, served: Service):
    """As a new import; the old one's history says who asked for it."""
    old = submitted(sluice, served, "-", "--not-before", "2999-01-01T00:00:00Z")
    sluice("cancel", old, URL=served.url)
    result = sluice("retry", old, URL=served.url)
    assert result.returncode == 0, result.stderr
    again = int(result.stdout.split()[1])
    assert result.stdout == f"Import {again} has 1 rows of import {old}.\n"
    assert read(served, again)["retry_of"] == old
    assert who(served, old, "retried") == who(served, old, "cancel_requested") == ["local"]


def test_retry_failures_takes_the_stored_rows_or_a_mended_file(sluice: Run, served: Service, tmp_path: Path):
    """What `sluice failures` wrote may be mended and sent; it may come by standard input, too."""
    old = submitted(sluice, served, LEADS, "--wait")
    failed = read(served, old)["rows"]["failed"]
    stored = sluice("retry", old, "--failures", URL=served.url)
    assert stored.stdout.endswith(f" has {failed} rows of import {old}.\n")
    sluice("failures", old, "--output", "mended.csv", URL=served.url)
    mended = sluice("retry", old, "--failures", "mended.csv", URL=served.url)
    assert mended.stdout.endswith(f" has {failed} rows of import {old}.\n")
    assert read(served, int(mended.stdout.split()[1]))["file"]["name"] == "mended.csv"
    piped = sluice(
        "retry", old, "--failures", "-", "--format", "tsv", stdin="email\tfirstName\nx@example.com\tX\n", URL=served.url
    )
    assert read(served, int(piped.stdout.split()[1]))["format"] == "tsv"
    assert who(served, old, "retried") == ["local"] * 3


def test_a_corrected_file_is_not_taken_twice_without_a_question(sluice: Run, served: Service, tmp_path: Path):
    """It would be imported twice. A script says --again; at a terminal one is asked, and `n` sends nothing."""
    old = submitted(sluice, served, LEADS, "--wait", "--again")
    sluice("failures", old, "--output", "mended.csv", URL=served.url)
    assert sluice("retry", old, "mended.csv", "--failures", URL=served.url).returncode == 0
    again = sluice("retry", old, "mended.csv", "--failures", URL=served.url)
    assert (again.returncode, again.stdout) == (1, "")
    assert "The same file was sent" in again.stderr
    assert "--again" in again.stderr
    terminal = Terminal(tmp_path, "retry", old, "mended.csv", "--failures", URL=served.url)
    wait_until(lambda: "Send it again?" in terminal.shown, "the question")
    terminal.write("n\n")
    assert terminal.ended() == 1
    assert "Nothing was sent." in terminal.shown
    assert len(who(served, old, "retried")) == 1
    (tmp_path / "mended.csv").write_text("email\nanother@example.com\n")
    assert sluice("retry", old, "mended.csv", "--failures", URL=served.url).returncode == 0
    assert sluice("retry", old, "mended.csv", "--failures", "--again", URL=served.url).returncode == 0
    assert len(who(served, old, "retried")) == 3


def test_a_retry_is_watched_to_its_end(sluice: Run, served: Service, tmp_path: Path):
    """Exit code 0, for this time every row was imported; 1, where one was rejected once more."""
    old = submitted(sluice, served, LEADS, "--wait", "--again")
    (tmp_path / "mended.csv").write_text("email,firstName\nmended@example.com,M\n")
    good = sluice("retry", old, "mended.csv", "--failures", "--wait", URL=served.url)
    assert good.returncode == 0, good.stderr
    assert f" has 1 rows of import {old}." in good.stdout
    assert "complete" in good.stdout
    bad = sluice("retry", old, "--failures", "--wait", URL=served.url)
    assert bad.returncode == 1
    assert "Why rows were rejected" in bad.stdout
