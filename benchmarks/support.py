"""What the benchmarks share: the machine's description, child processes and their memory, databases, big files."""

import ctypes
import os
import platform
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

import migrations
from tests.support import databases, patience

ROOT = Path(__file__).parents[1]
PR_SET_PDEATHSIG = 1  # prctl(2)
_libc = ctypes.CDLL(None)


def describe_machine() -> str:
    """One line on what this was run on."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    load = os.getloadavg()[0]
    return f"{cpu}, {os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}, load {load:.1f}"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def quiet_port() -> int:
    """A free port below those that the kernel gives to connections: it stays free while its process is away."""
    for port in random.SystemRandom().sample(range(20_000, 30_000), 100):
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")


def peak_mb(pid: int) -> float:
    """The most memory that a process had resident, as the kernel counted it."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def die_with_parent() -> None:
    """For a child, before it begins: when the thread that started it is gone, however it went, so is the child."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def bare_environment() -> dict[str, str]:
    """The environment without settings of the service, and with its code."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
    return bare | {"PYTHONPATH": str(ROOT)}


class Child:
    """A child process that answers HTTP."""

    def __init__(self, command: Sequence[str], url: str, folder: Path, **variables: object) -> None:
        self.url = url
        ours = {f"SLUICE_{name}": str(value) for name, value in variables.items()}
        self.log = folder / "child.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=bare_environment() | ours,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509  # it takes no lock
            )
        deadline = patience.Deadline()
        while not self._answers():
            if self._process.poll() is not None or deadline.is_over():
                raise RuntimeError(f"{command} did not start: {self.log.read_text()}")
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        return self._process.pid

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(timeout=patience.seconds())

    def _answers(self) -> bool:
        try:
            return patience.get(f"{self.url}/livez").status_code < 500
        except httpx.TransportError:
            return False


@contextmanager
def service(
    folder: Path, database_url: str, *, marketo: str = "http://127.0.0.1:9", role: str = "all", **settings: object
) -> Iterator[Child]:
    """`sluice serve`, without keys, on a port of its own."""
    port = free_port()
    known = {
        "AUTH": "off",
        "PORT": port,
        "DATABASE_URL": database_url,
        "LOG_LEVEL": "warning",
        "DISK_FLOOR_BYTES": 0,
        "INSTANCES__DEFAULT__BASE_URL": marketo,
        "INSTANCES__DEFAULT__CLIENT_ID": "sluice-demo",
        "INSTANCES__DEFAULT__CLIENT_SECRET": "sluice-demo-secret",
    }
    command = [sys.executable, "-m", "app", "serve", f"--role={role}"]
    child = Child(command, f"http://127.0.0.1:{port}", folder, **(known | settings))
    try:
        yield child
    finally:
        child.end()


@contextmanager
def simulator(folder: Path, **rules: object) -> Iterator[Child]:
    """`sluice simulate`, with these of its options; one that takes no value is True."""
    port = free_port()
    words = [f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}") for name, value in rules.items()]
    command = [sys.executable, "-m", "app", "simulate", f"--port={port}", *words]
    child = Child(command, f"http://127.0.0.1:{port}", folder)
    try:
        yield child
    finally:
        child.end()


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """The URL of a fresh database with the current schema: `sqlite` or `postgresql`."""
    if kind == "sqlite":
        url = f"sqlite:///{folder / 'sluice.db'}"
        migrations.upgrade(url)
        yield url
        return
    with _ended_with_us(folder / "data" / "postmaster.pid"):
        server = databases.server_in(folder)
        try:
            migrations.upgrade(server.get_uri())
            yield server.get_uri()
        finally:
            databases.stop_server(server)


@contextmanager
def _ended_with_us(pid_file: Path) -> Iterator[None]:
    """A server that is nobody's child ends when we do, however we do: a shell waits for the end of its input."""
    script = 'cat; kill -QUIT "$(head -n 1 "$0")"'
    watch = subprocess.Popen(
        ["/bin/sh", "-c", script, pid_file], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        assert watch.stdin is not None
        watch.stdin.close()
        watch.wait()


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on disk that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="sluice-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def verdict(met: bool, aim: str) -> str:
    return f"{'met' if met else 'SHORT OF'}: {aim}"


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def busy(jobs: list[dict[str, Any]], importers: int = 2) -> float:
    """The share of the importers' time between the first start and the last finish that they worked."""
    begun = min(job["started_at"] for job in jobs)
    ended = max(job["finished_at"] for job in jobs)
    return sum(job["finished_at"] - job["started_at"] for job in jobs) / (importers * (ended - begun))
