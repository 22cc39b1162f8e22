"""Barriers that axe finds on a page: WCAG 2.2 AA, and its best practices; and what stands out over its edge."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

LOOKS = ((320, "light"), (390, "dark"), (1280, "light"), (3840, "dark"))
"""Widths and colour schemes in which every page is looked at."""
HELD_AGAINST_AXE = frozenset({390, 1280})  # of these widths: one for each form of the rail, dark and light


def assert_looks_well(page: "Page", width: int) -> None:
    """Nothing stands out over the edge of a page of this width; and axe finds nothing, where it is asked."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    if width in HELD_AGAINST_AXE:
        assert_no_barriers(page)


def assert_no_barriers(page: "Page") -> None:
    """axe is evaluated by the browser itself, past the page's policy, which lets no script in."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    told = [f"{each['id']}: {node['html'][:200]} {node['failureSummary']}" for each in found for node in each["nodes"]]
    assert told == [], page.url
