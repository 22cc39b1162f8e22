"""The code as it was before the newest migration, from the history of this repository."""

import subprocess
import tarfile
from pathlib import Path

import migrations
from tests.support.processes import ROOT

VERSIONS = "migrations/versions/"
ASKS = "app/store/schema.py"  # what asks which versions may work with a schema


def git(*words: str) -> bytes:
    """What it says. Errors: LookupError, where there is no history."""
    try:
        return subprocess.run(["git", "-C", str(ROOT), *words], check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError) as reason:
        raise LookupError(f"there is no history of this repository here: {reason}") from None


def commit_before_the_newest_migration() -> str:
    """The last commit that has the first of today's migrations, not all, and no others; and whose code asks whether it
    may work with a newer schema. Errors: LookupError.

    One with a gap is from a branch on which a migration had another place than it has now.
    """
    today = sorted(path.name for path in migrations.VERSIONS.glob("[0-9]*.py"))
    for commit in git("rev-list", "--topo-order", "HEAD").decode().split():
        paths = git("ls-tree", "--name-only", commit, VERSIONS).decode().split()
        there = sorted(Path(path).name for path in paths if path.endswith(".py"))
        if len(there) < len(today) and there == today[: len(there)] and b"oldest" in git("show", f"{commit}:{ASKS}"):
            return commit
    raise LookupError("no commit of this history is from before the newest migration: is it a shallow clone?")


def unpack(commit: str, folder: Path) -> Path:
    """The service and its migrations as of that commit, in this folder."""
    archive = folder / "code.tar"
    archive.write_bytes(git("archive", commit, "app", "migrations"))
    with tarfile.open(archive) as opened:
        opened.extractall(folder / "code", filter="data")
    return folder / "code"
