"""`make image-check`: build the image, run it, and run the README's compose commands. It says what was left out."""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.image import build
from tests.image.compose import check_compose
from tests.image.engine import Engine, Failed
from tests.image.one_container import check_one_container


def main() -> int:
    words = argparse.ArgumentParser(prog="make image-check", description=__doc__)
    words.add_argument("--engine", default="docker", help="the engine's command")
    words.add_argument("--folder", type=Path, help="where the engine can read: for a checkout, and for stand-ins")
    words.add_argument("--only", choices=("image", "compose"), help="one half, on an image that was built before")
    asked = words.parse_args()
    if why := _what_is_missing(asked.engine):
        print(f"LEFT OUT: the image was neither built nor run: {why}")
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = (asked.folder or Path(temporary)).resolve()
        engine = Engine(asked.engine, folder / "checkout")
        begun = time.monotonic()
        try:
            build.copy_checkout(engine.folder)
            if asked.only != "compose":
                print(f"The image ({build.have_bases(engine, folder / 'bases')})", flush=True)
                build.build(engine)
                print("One container on SQLite", flush=True)
                check_one_container(engine)
            if asked.only != "image":
                build.remove_stray(engine.folder)
                print("Docker Compose", flush=True)
                check_compose(engine)
        except Failed as reason:
            print(f"FAILED: {reason}")
            return 1
    print(f"All is well, after {time.monotonic() - begun:.0f} s. Not run: Prometheus and Grafana (profile watch).")
    return 0


def _what_is_missing(engine: str) -> str:
    """Why nothing can be run here."""
    for words in ("version", "compose version", "info"):
        try:
            ran = subprocess.run([*engine.split(), *words.split()], capture_output=True, text=True, check=False)
        except OSError as reason:
            return f"`{engine}` cannot be run: {reason.strerror}"
        if ran.returncode:
            return f"`{engine} {words}` says: {(ran.stderr.strip().splitlines() or ['nothing'])[-1]}"
    return ""


sys.exit(main())
