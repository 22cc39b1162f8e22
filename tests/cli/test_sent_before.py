"""Whether a file was sent already: the same bytes, for the same records."""

import hashlib
import io
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer

from app.api.openapi import examples
from app.cli import sent_before

CONTENT = b"email\na@example.com\n"
SENT: dict[str, Any] = examples.IMPORT | {
    "file": {"name": "a.csv", "bytes": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest()}
}


def asked(path: Path, earlier: list[dict[str, Any]], *, is_refused: bool) -> int:
    """Ask about the file without a terminal; how many bytes of it are left to be sent."""
    with path.open("rb") as source:
        sent_before.ask(source, earlier, is_refused=is_refused)
        return len(source.read())


def test_the_same_bytes_are_told_and_the_file_is_whole_for_whoever_sends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Without a terminal a command goes on, or is refused with the option that lets it."""
    (path := tmp_path / "a.csv").write_bytes(CONTENT)
    assert asked(path, [SENT], is_refused=False) == len(CONTENT)
    assert "as import 42 (importing)." in capsys.readouterr().err
    with pytest.raises(typer.Exit):
        asked(path, [SENT], is_refused=True)
    assert "Nothing was sent; with --again it is." in capsys.readouterr().err


@pytest.mark.parametrize(
    "other",
    [
        {"file": SENT["file"] | {"sha256": "0" * 64}},
        {"file": SENT["file"] | {"bytes": 1}},
        {"status": "failed"},
        {"status": "cancelled"},
    ],
    ids=str,
)
def test_other_bytes_and_what_was_sent_in_vain_are_no_reason_to_ask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], other: dict[str, Any]
):
    (path := tmp_path / "a.csv").write_bytes(CONTENT)
    assert asked(path, [SENT | other], is_refused=True) == len(CONTENT)
    assert capsys.readouterr().err == ""


def test_what_can_be_read_only_once_is_not_looked_at():
    """A pipe would be empty afterwards."""
    source = io.BytesIO(CONTENT)
    sent_before.ask(source, [SENT], is_refused=True)
    assert source.tell() == 0


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, [1, 4]),
        ({"list_id": "7"}, [2]),
        ({"instance": "sandbox"}, [3]),
        ({"label": "another", "lookup_field": "email", "object_type": "lead"}, [1, 4]),
    ],
)
def test_only_imports_for_the_same_records_count(parameters: dict[str, str], found: list[int]):
    """Another list or instance is another job to do; what a label says is no matter."""
    listed = [
        examples.IMPORT | {"id": 1},
        examples.IMPORT | {"id": 2, "list_id": 7},
        examples.IMPORT | {"id": 3, "instance": "sandbox"},
        examples.IMPORT | {"id": 4, "label": "x"},
    ]
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"items": listed, "next_page_token": None}))
    with httpx.Client(transport=transport, base_url="http://127.0.0.1") as client:
        assert [one["id"] for one in sent_before.newest(client, parameters)] == found
