"""The quick starts, run as they stand in docs/quickstarts: against a service that asks for keys."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.simulator import Rules
from tests.story.test_processes import QUICK
from tests.support import databases, forks, patience
from tests.support.processes import ROOT, Service, simulator

PAGES = ROOT / "docs" / "quickstarts"
LEADS = ROOT / "docs" / "samples" / "leads.csv"
LINES = 60
REASON = "Invalid data type in field Lead Score"


@dataclass(frozen=True)
class QuickStart:
    """`tools` are what it takes: who has none of them needs none to work on Sluice, and runs the others."""

    page: str
    fence: str
    file: str
    command: tuple[str, ...]
    tools: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return (PAGES / self.page).read_text(encoding="utf-8")

    @property
    def program(self) -> str:
        return re.findall(rf"^```{self.fence}\n(.*?)^```$", self.text, re.DOTALL | re.MULTILINE)[0]


QUICK_STARTS = (
    QuickStart("python.md", "python", "send.py", (sys.executable, "send.py")),
    QuickStart("node.md", "js", "send.mjs", ("node", "send.mjs"), ("node",)),
    QuickStart("shell.md", "bash", "send.sh", ("bash", "send.sh"), ("bash", "curl", "jq")),
    QuickStart("java.md", "java", "Send.java", ("java", "Send.java"), ("java", "javac")),
)
HERE = [one for one in QUICK_STARTS if all(map(shutil.which, one.tools))]


@pytest.fixture(scope="module")
def key_and_service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Service]]:
    folder = tmp_path_factory.mktemp("quick-starts")
    with simulator(Rules(job_seconds=0.2, window_seconds=1)) as (marketo, _):
        url = databases.sqlite_copy(sqlite_template, folder)
        found = Service(folder, url, marketo, **(QUICK | {"AUTH": "on"}))
        made = forks.run(("keys", "create", "--client", "crm", "--scope", "submit"), found.environment, folder)
        found.start()
        assert found.child is not None
        try:
            yield made.stdout.strip(), found
        finally:
            found.child.kill()
            found.child.ended()


def ran(one: QuickStart, key: str, url: str, folder: Path, file: Path) -> "subprocess.CompletedProcess[str]":
    (folder / one.file).write_text(one.program, encoding="utf-8")
    return subprocess.run(
        [*one.command, file],
        cwd=folder,
        env=os.environ | {"SLUICE_URL": url, "SLUICE_API_KEY": key},
        capture_output=True,
        text=True,
        timeout=patience.seconds(),
        check=False,
    )


@pytest.mark.parametrize("one", HERE, ids=lambda one: one.page)
def test_a_quick_start_sends_a_file_once_waits_and_says_what_was_rejected(
    key_and_service: tuple[str, Service], tmp_path: Path, one: QuickStart
):
    """Run twice, as a cron job whose line broke would; a file that is none ends it with a sentence."""
    key, service = key_and_service
    (leads := tmp_path / "leads.csv").write_bytes(LEADS.read_bytes() + f"{one.page}@example.com\n".encode())
    for _ in range(2):
        told = ran(one, key, service.url, tmp_path, leads)
        assert told.returncode == 0, told.stderr
        assert "complete: 38 of 41 rows imported, 3 rejected\n" in told.stdout
        assert REASON in told.stdout
    headers = {"Authorization": f"Bearer {key}"}
    listed = httpx.get(f"{service.url}/v1/imports", headers=headers).json()["items"]
    digests = [item["file"]["sha256"] for item in listed]
    assert len(digests) == len(set(digests)), "a file was imported twice"
    (broken := tmp_path / "broken.csv").write_text("email,email\na,b\n")
    refused = ran(one, key, service.url, tmp_path, broken)
    assert refused.returncode != 0
    assert "stands in the header twice" in refused.stderr


@pytest.mark.parametrize("one", QUICK_STARTS, ids=lambda one: one.page)
def test_a_quick_start_fits_on_a_page(one: QuickStart):
    assert len(one.text.splitlines()) <= LINES


def test_the_mended_file_goes_back_as_the_shell_s_page_says(key_and_service: tuple[str, Service], tmp_path: Path):
    """With its two last columns as they are."""
    if not all(map(shutil.which, QUICK_STARTS[2].tools)):
        return
    key, service = key_and_service
    (file := tmp_path / "few.csv").write_text("email,leadScore\nmended@example.com,many\n")
    first, second = re.findall(r"^```bash\n(.*?)^```$", QUICK_STARTS[2].text, re.DOTALL | re.MULTILINE)
    script = f"{first}\nsed -i 's/many/7/' rejected.csv\n{second}"
    one = QuickStart("shell.md", "bash", "send.sh", ("bash", "send.sh"))
    (tmp_path / one.file).write_text(script)
    told = subprocess.run(
        ["bash", one.file, file],
        cwd=tmp_path,
        env=os.environ | {"SLUICE_URL": service.url, "SLUICE_API_KEY": key},
        capture_output=True,
        text=True,
        timeout=patience.seconds(),
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert '"retry_of"' in told.stdout
