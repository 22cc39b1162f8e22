"""The command `sluice` in a child process whose imports are done: a second of a core less than a new Python.

multiprocessing's fork server imports the service once, and forks. What the command sees is as from a shell: its words,
its environment, its folder, its three streams, signals, an exit code. Two things differ: the imports themselves, and
that nothing is done `atexit`.
"""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from multiprocessing import reduction
from pathlib import Path
from typing import Any

from app.cli.commands import COMMANDS
from app.cli.main import main
from tests.support.patience import wait_until

_forks = multiprocessing.get_context("forkserver")
_COMMANDS = sorted({command.path.partition(":")[0] for command in COMMANDS})
_LAZY = ("typer.rich_utils", "rich._emoji_codes", "httpcore", "certifi", "anyio._backends._asyncio", "alembic.command")
"""What commands and their libraries load only when they need it, which each child would do anew."""
_forks.set_forkserver_preload(["app.cli.main", "app.cli.http_api", *_COMMANDS, *_LAZY, __name__])

PIPE_BYTES = 65_536  # that a pipe holds on Linux


class Fork:
    """As much of subprocess.Popen as tests use."""

    def __init__(
        self, words: Sequence[object], environment: Mapping[str, str], folder: Path, streams: tuple[int, int, int]
    ) -> None:
        """`streams` are the descriptors of its standard input, output and error."""
        passed = [_Passed(descriptor) for descriptor in streams]
        known = ([*map(str, words)], dict(environment), str(folder), passed)
        self._process = _forks.Process(target=_run, args=known, daemon=True)
        self._process.start()
        self.args = words

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if (code := self._process.exitcode) is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        wait_until(lambda: self.poll() is not None, f"{self.args} to end")
        return self.wait()

    def send_signal(self, how: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, how)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class _Passed:
    """A descriptor that goes along to the child."""

    def __init__(self, descriptor: Any) -> None:
        self._descriptor = descriptor

    def __reduce__(self) -> Any:
        return _Passed, (reduction.DupFd(self._descriptor),)

    def become(self, descriptor: int) -> None:
        """In the child."""
        received = self._descriptor.detach()
        os.dup2(received, descriptor)
        os.close(received)


def _run(words: list[str], environment: dict[str, str], folder: str, streams: list[_Passed]) -> None:
    gc.freeze()  # or the first collection would copy all that the server has imported
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores it, and so would this
    for descriptor, passed in enumerate(streams):
        passed.become(descriptor)
    if os.isatty(0):
        os.setsid()  # a terminal's own
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", buffering=1 if os.isatty(1) else -1, closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", buffering=1, errors="backslashreplace", closefd=False)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = ["sluice", *words]
    main()


def run(
    words: Sequence[object], environment: Mapping[str, str], folder: Path, *, stdin: str = ""
) -> "subprocess.CompletedProcess[str]":
    """As subprocess.run: what goes in comes through a pipe, and what comes out is kept."""
    content = stdin.encode()
    assert len(content) <= PIPE_BYTES, "a longer one needs somebody who goes on writing"
    inner, outer = os.pipe()
    with os.fdopen(inner) as reading, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with os.fdopen(outer, "wb") as writing:
            writing.write(content)
        child = Fork(words, environment, folder, (reading.fileno(), out.fileno(), err.fileno()))
        try:
            code = child.ended()
        finally:
            child.kill()
        told = []
        for stream in (out, err):
            stream.seek(0)
            told.append(stream.read().decode().replace("\r\n", "\n"))
    return subprocess.CompletedProcess([*map(str, words)], code, *told)
