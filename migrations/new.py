"""Write a migration from what `app/store/tables.py` says and the last migration does not: `make migration m="…"`."""

import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import Script, ScriptDirectory

import migrations


def main(message: str) -> int:
    if not message.strip():
        print('Say what it does: make migration m="add the colour of a car"', file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'new.db'}"
        migrations.upgrade(url)
        config = migrations.config(url)
        number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
        written = command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")
        assert isinstance(written, Script)
        for chore in (["check", "--quiet", "--fix"], ["format", "--quiet"]):
            subprocess.run([sys.executable, "-m", "ruff", *chore, written.path], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
