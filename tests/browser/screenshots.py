"""Pictures of every page, in all sizes, light and dark: `python -m tests.browser.screenshots FOLDER [PAGE …]`."""

import logging
import re
import sys
from pathlib import Path

import httpx
import structlog

from tests.browser import chromium
from tests.browser.site import Site, site
from tests.support.days import DAYS

WIDTHS = (390, 768, 1280, 1920)
SCHEMES = ("light", "dark")
PAGES = {  # by name: the path; `{label}` is the first import of that label, on a day that has one
    "overview": "/",
    "imports": "/imports",
    "import": "/imports/{nightly}",
    "import-large": "/imports/{everybody}",
    "import-rejected": "/imports/{spring fair}",
    "import-lost": "/imports/{overnight}",
    "rejected": "/imports/{spring fair}/failures",
    "mend": "/imports/{spring fair}/mend",
    "selected": "/imports/selected?do=cancel&id={nightly}&id={everybody}&id={spring fair}",
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
                            if (path := with_numbers(PAGES[name], served)) is None:
                                continue
                            page.goto(served.url + path)
                            if name.endswith("-look") and page.locator("#stored a.button").count():
                                page.locator("#stored a.button").first.click()
                            page.screenshot(path=folder / f"{name}-{day}-{width}-{scheme}.png", full_page=True)
                        page.close()


def with_numbers(path: str, served: Site) -> str | None:
    """The path with the numbers of the imports that it names by their labels; None where one is not there."""
    for label in re.findall(r"{([^}]+)}", path):
        found = httpx.get(f"{served.url}/v1/imports", params={"label": label, "page_size": 200}).json()["items"]
        if not found:
            return None
        path = path.replace(f"{{{label}}}", str(found[-1]["id"]))
    return path


if __name__ == "__main__":
    take(Path(sys.argv[1]), sys.argv[2:])
