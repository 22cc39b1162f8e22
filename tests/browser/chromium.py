"""The system's Chromium, driven by playwright (`make browser` puts it into .venv/browser)."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
GET_ONE = "There is no Chromium: `apt-get install chromium`, or say where it is: SLUICE_TEST_CHROMIUM=/path/to/chrome"


def path() -> str:
    """Where Chromium is. Errors: SystemExit, with how to get one."""
    named = os.environ.get("SLUICE_TEST_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise SystemExit(GET_ONE)
    return found


@contextmanager
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # A sandbox needs a user of its own, which containers do not have
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        launched = playwright.chromium.launch(executable_path=path(), args=flags)
        yield launched
        launched.close()
