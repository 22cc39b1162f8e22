"""Real processes over real HTTP: a simulator in a thread, and `sluice serve` as a child that can be killed."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn

from app.simulator import Rules, Simulator, create_app

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 60.0  # bounds a test that would hang; no test depends on how fast it is within it


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"waited {DEADLINE_SECONDS} s for: {what}"
        time.sleep(0.02)


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


class Service:
    """`sluice serve` in a child process."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        marketo: str,
        *,
        role: str = "all",
        module: str = "app",
        **settings: object,
    ) -> None:
        rules = Rules()
        self.module = module
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
            "INSTANCES__DEFAULT__BASE_URL": marketo,
            "INSTANCES__DEFAULT__CLIENT_ID": rules.client_id,
            "INSTANCES__DEFAULT__CLIENT_SECRET": rules.client_secret,
            "PYTHONPATH": ROOT,
        } | settings
        self.environment = bare | {f"SLUICE_{name}": str(value) for name, value in ours.items() if name != "PYTHONPATH"}
        self.environment["PYTHONPATH"] = str(ROOT)
        self.child: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"serve-{self.port}.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                [sys.executable, "-m", self.module, "serve", "--role", self.role],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, f"the service; see {self.log.read_text()}")

    def _answers(self) -> bool:
        assert self.child is not None
        assert self.child.poll() is None, self.log.read_text()
        if self.role == "worker":
            return f"{self.child.pid}:" in self.log.read_text()  # a worker's name, which it says once it works
        try:
            return httpx.get(f"{self.url}/livez").status_code == 200
        except httpx.TransportError:
            return False

    def end(self, how: signal.Signals) -> int:
        """Send a signal and wait for the end; the exit code."""
        assert self.child is not None
        self.child.send_signal(how)
        return self.child.wait(timeout=DEADLINE_SECONDS)


@contextmanager
def service(
    folder: Path, database_url: str, marketo: str, *, role: str = "all", module: str = "app", **settings: object
) -> Iterator[Service]:
    found = Service(folder, database_url, marketo, role=role, module=module, **settings)
    found.start()
    try:
        yield found
    finally:
        if found.child and found.child.poll() is None:
            found.end(signal.SIGKILL)
