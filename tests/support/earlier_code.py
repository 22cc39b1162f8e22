"""The code as it was before the newest migration, from the history of this repository."""

import subprocess
import tarfile
from pathlib import Path

import migrations
from tests.support.processes import ROOT

NEWEST = next(migrations.VERSIONS.glob(f"{migrations.head()}_*.py")).relative_to(ROOT)
ASKS = "app/store/schema.py"  # what asks which versions may work with a schema


def git(*words: str) -> bytes:
    """What it says. Errors: LookupError, where there is no history."""
    try:
        return subprocess.run(["git", "-C", str(ROOT), *words], check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError) as reason:
        raise LookupError(f"there is no history of this repository here: {reason}") from None


def commit_before_the_newest_migration() -> str:
    """The last commit without it whose code asks whether it may work with a newer schema. Errors: LookupError."""
    for commit in git("rev-list", "--topo-order", "HEAD").decode().split():
        names = git("ls-tree", "--name-only", commit, "--", str(NEWEST), ASKS).decode().split()
        if names == [ASKS] and b"oldest" in git("show", f"{commit}:{ASKS}"):
            return commit
    raise LookupError(f"no commit of this history is from before {NEWEST.name}: is it a shallow clone?")


def unpack(commit: str, folder: Path) -> Path:
    """The service and its migrations as of that commit, in this folder."""
    archive = folder / "code.tar"
    archive.write_bytes(git("archive", commit, "app", "migrations"))
    with tarfile.open(archive) as opened:
        opened.extractall(folder / "code", filter="data")
    return folder / "code"
