"""Barriers that axe finds on a page: WCAG 2.2 AA, and its best practices."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


def assert_no_barriers(page: "Page") -> None:
    """axe is evaluated by the browser itself, past the page's policy, which lets no script in."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    told = [f"{each['id']}: {node['html'][:200]} {node['failureSummary']}" for each in found for node in each["nodes"]]
    assert told == []
