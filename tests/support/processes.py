"""Real processes over real HTTP: a simulator in a thread, and `sluice serve` as a child that can be killed."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
import uvicorn

from app.simulator import Rules, Simulator, create_app
from tests.support import patience
from tests.support.forks import Fork
from tests.support.patience import QUIET_SECONDS, wait_until

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = QUIET_SECONDS  # on a quiet machine; `wait_until` and `patience.seconds()` allow for a busy one


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def simulator(rules: Rules) -> Iterator[tuple[str, Simulator]]:
    """(its URL, itself)."""
    played = Simulator(rules)
    server = uvicorn.Server(
        uvicorn.Config(create_app(played), host="127.0.0.1", port=free_port(), log_config=None, lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, "the simulator")
        yield f"http://127.0.0.1:{server.config.port}", played
    finally:
        server.should_exit = True
        thread.join()


class Anew(subprocess.Popen[bytes]):
    """`python -m MODULE …` in a Python of its own, which has imported nothing yet; `code` is where it finds it."""

    def __init__(
        self,
        module: str,
        words: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log: IO[bytes],
        *,
        code: Path = ROOT,
    ) -> None:
        environment = {**environment, "PYTHONPATH": str(code)}
        super().__init__([sys.executable, "-m", module, *words], cwd=folder, env=environment, stdout=log, stderr=log)

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        return self.wait(patience.seconds())


class Service:
    """`sluice serve` in a child process; `module`, if any, is run in its place, in a Python of its own.

    `code`: where the service is found, in place of the code of today.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str,
        marketo: str,
        *,
        role: str = "all",
        module: str = "",
        code: Path = ROOT,
        **settings: object,
    ) -> None:
        rules = Rules()
        self.module = module or ("app" if code != ROOT else "")
        self.code = code
        self.role = role
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        bare = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
        ours = {
            "AUTH": "off",
            "PORT": self.port,
            "DATABASE_URL": database_url,
            "DISK_FLOOR_BYTES": 0,
            "BUNDLE_SECONDS": 0,  # each file is a job: so it is known by its bytes
            "INSTANCES__DEFAULT__BASE_URL": marketo,
            "INSTANCES__DEFAULT__CLIENT_ID": rules.client_id,
            "INSTANCES__DEFAULT__CLIENT_SECRET": rules.client_secret,
        } | settings
        self.environment = bare | {f"SLUICE_{name}": str(value) for name, value in ours.items()}
        self.child: Fork | Anew | None = None
        self.options: tuple[str, ...] = ()  # of `sluice serve`, from the next start on

    @property
    def log(self) -> Path:
        return self.folder / f"serve-{self.port}.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            words = ("serve", "--role", self.role, *self.options)
            if self.module:
                self.child = Anew(self.module, words, self.environment, self.folder, log, code=self.code)
            else:
                with Path(os.devnull).open() as nothing:
                    streams = (nothing.fileno(), log.fileno(), log.fileno())
                    self.child = Fork(words, self.environment, self.folder, streams)
        wait_until(self._answers, lambda: f"the service; it said {self.log.read_text()}")

    def _answers(self) -> bool:
        assert self.child is not None
        assert self.child.poll() is None, self.log.read_text()
        if self.role == "worker":
            return f"{self.child.pid}:" in self.log.read_text()  # a worker's name, which it says once it works
        try:
            return patience.get(f"{self.url}/livez").status_code == 200
        except httpx.TransportError:
            return False

    def end(self, how: signal.Signals) -> int:
        """Send a signal and wait for the end; the exit code."""
        assert self.child is not None
        self.child.send_signal(how)
        return self.child.ended()


@contextmanager
def service(
    folder: Path,
    database_url: str,
    marketo: str,
    *,
    role: str = "all",
    module: str = "",
    code: Path = ROOT,
    **settings: object,
) -> Iterator[Service]:
    found = Service(folder, database_url, marketo, role=role, module=module, code=code, **settings)
    found.start()
    try:
        yield found
    finally:
        if found.child and found.child.poll() is None:
            found.end(signal.SIGKILL)
