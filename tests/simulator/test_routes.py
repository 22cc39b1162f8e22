"""Marketo's paths, as the simulator knows them."""

from __future__ import annotations

import pytest

from app.simulator.routes import find_route


@pytest.mark.parametrize(
    ("path", "view"),
    [
        ("/rest/../bulk/v1/leads/batch/7.json", "lead"),
        ("/bulk/v1/../../rest/./v1/lists.json", "lists"),
        ("/../../rest/v1/lists.json", "lists"),
        ("/rest/v1/lists.json/..", "610"),
        ("/rest/../v1/lists.json", "610"),
        ("/..rest/v1/lists.json", "610"),
    ],
)
def test_dot_segments_are_resolved_as_servers_do(path: str, view: str) -> None:
    """A client that lives on `/rest` sends its way out of it as it is."""
    assert find_route("GET", path)[0].view == view
