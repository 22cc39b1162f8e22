"""Commands of the documentation, to be run as they are written."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
FENCED = re.compile(r"^( *)```\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


def recipes(page: str, heading: str) -> list[str]:
    """The blocks of commands under a heading, up to the next one."""
    _, _, rest = (DOCS / page).read_text().partition(f"# {heading}\n")
    assert rest, f"{page} has no heading {heading!r}"
    section = re.split(r"^#", rest, maxsplit=1, flags=re.MULTILINE)[0]
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in FENCED.findall(section)]


def run(commands: str, folder: Path, *, user: str | None = None, **variables: str) -> None:
    """Run them in a shell that ends at the first mistake, as this user. Errors: AssertionError, with what it said."""
    with tempfile.TemporaryFile() as said:  # a server that is started keeps what it was given open
        done = subprocess.run(
            ["/bin/sh", "-eu", "-c", commands],
            cwd=folder,
            env=os.environ | variables,
            user=user,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        said.seek(0)
        assert done.returncode == 0, f"{commands}\n{said.read().decode()}"
