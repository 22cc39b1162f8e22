"""An engine that builds and runs containers, by its command line."""

import json
import shlex
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Failed(Exception):
    """Something is not as it should be."""


@dataclass(frozen=True, slots=True)
class Engine:
    command: str  # "docker", or what reaches one
    folder: Path  # where its commands are run: a checkout of its own

    def run(self, *words: str, check: bool = True, seconds: float = 900) -> subprocess.CompletedProcess[str]:
        """One of its commands. What it says is kept. Errors: Failed."""
        return self._ran([*shlex.split(self.command), *words], check=check, seconds=seconds)

    def shell(self, script: str, *, check: bool = True, seconds: float = 900) -> subprocess.CompletedProcess[str]:
        """A script in which `docker` is this engine. Errors: Failed."""
        words = ["bash", "-euo", "pipefail", "-c", f'docker() {{ {self.command} "$@"; }}\n{script}']
        return self._ran(words, check=check, seconds=seconds)

    def said(self, *words: str) -> str:
        return self.run(*words).stdout.strip()

    def inspect(self, what: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(self.said("inspect", what))
        return found[0]

    def log(self, container: str) -> str:
        """What it wrote, to either stream."""
        ran = self.run("logs", container)
        return ran.stdout + ran.stderr

    def _ran(self, words: list[str], *, check: bool, seconds: float) -> subprocess.CompletedProcess[str]:
        ran = subprocess.run(words, cwd=self.folder, capture_output=True, text=True, timeout=seconds, check=False)
        if check and ran.returncode:
            raise Failed(f"{shlex.join(words)[-400:]} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
        return ran


def require(is_so: bool, what: str) -> None:
    """Errors: Failed."""
    if not is_so:
        raise Failed(what)
    print(f"  ok  {what}", flush=True)


def wait_until(is_so: Callable[[], bool], what: str, *, seconds: float = 180) -> float:
    """How many seconds it took. Errors: Failed."""
    begun = time.monotonic()
    while not is_so():
        if time.monotonic() - begun > seconds:
            raise Failed(f"after {seconds} seconds still not: {what}")
        time.sleep(0.25)
    return time.monotonic() - begun
