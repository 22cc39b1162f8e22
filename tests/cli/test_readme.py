"""The README's script for Node, against the service."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.support import patience
from tests.support.processes import ROOT, Service

NODE = shutil.which("node")

if NODE:  # who has none needs none to work on Sluice, and has no such test

    def test_the_readme_s_script_uploads_waits_and_reads(served: Service, tmp_path: Path):
        """As it stands there, but for the address."""
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        (script,) = re.findall(r"^```js\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
        (tmp_path / "nightly.mjs").write_text(script.replace("http://127.0.0.1:8000", served.url), encoding="utf-8")
        told = subprocess.run(
            [NODE, tmp_path / "nightly.mjs"],
            cwd=ROOT,
            env=os.environ | {"KEY": "none-is-asked-for"},
            capture_output=True,
            text=True,
            timeout=patience.seconds(),
            check=True,
        )
        assert re.match(r"complete \{\s+total: 40,\s+imported: 37,\s+failed: 3,", told.stdout), told.stdout
        assert "reason: 'Invalid data type in field Lead Score'" in told.stdout
