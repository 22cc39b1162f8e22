"""Pictures of every page, in all sizes, light and dark: `python -m tests.browser.screenshots FOLDER [PAGE …]`."""

import logging
import sys
from pathlib import Path

import structlog

from tests.browser import chromium
from tests.browser.site import site
from tests.support.days import DAYS

WIDTHS = (390, 768, 1280, 1920)
SCHEMES = ("light", "dark")
PAGES = {  # by name: the path, on each day on which it differs
    "overview": "/",
    "imports": "/imports",
    "send": "/send",
    "send-look": "/send",  # and then the first file that waits there
    "instances": "/instances",
    "instance": "/instances/default",
    "instance-queue": "/instances/default/queue",
    "instance-jobs": "/instances/default/jobs",
    "instance-history": "/instances/default/history",
    "keys": "/keys",
    "webhooks": "/webhooks",
    "webhook": "/webhooks/1",
}


def take(folder: Path, names: list[str]) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    folder.mkdir(parents=True, exist_ok=True)
    with chromium.browser() as browser:
        for day in DAYS:
            with site(day) as served:
                for scheme in SCHEMES:
                    for width in WIDTHS:
                        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                        for name in names or PAGES:
                            page.goto(served.url + PAGES[name])
                            if name.endswith("-look") and page.locator("#stored a.button").count():
                                page.locator("#stored a.button").first.click()
                            page.screenshot(path=folder / f"{name}-{day}-{width}-{scheme}.png", full_page=True)
                        page.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]), sys.argv[2:])
