"""How fast a file is taken in, and in how much memory: `python -m benchmarks.intake`, or `make bench b=intake`.

Each file is sent over HTTP by another process. Beside the service, in the same run: a bare Starlette endpoint that only
writes the body to a file and syncs it, and `split -C`. While the file streams, an import is read again and again.
"""

import argparse
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks import people
from benchmarks.support import (
    Child,
    cpu_seconds,
    database,
    describe_machine,
    free_port,
    peak_mb,
    percentile,
    scratch,
    service,
    verdict,
)

MB = 1_000_000
RATE, PEAK_MB, READ_SECONDS = 60, 200, 0.05
AIM = f"{RATE} MB/s, {PEAK_MB} MB, {READ_SECONDS * 1000:.0f} ms"
PART_BYTES = 9_900_000
LATER = "not_before=2099-01-01T00:00:00Z&preflight=off"  # nothing is to be sent to Marketo meanwhile
SENDER = """
import socket, sys, time
path, port, target, encoding, size = sys.argv[1:6]
head = f"POST {target} HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nContent-Type: text/csv\\r\\nContent-Length: {size}\\r\\n"
head += f"Content-Encoding: {encoding}\\r\\n" if encoding else ""
with open(path, "rb") as file, socket.create_connection(("127.0.0.1", int(port))) as line:
    begun = time.perf_counter()
    line.sendall((head + "Connection: close\\r\\n\\r\\n").encode())
    line.sendfile(file)
    answer = b""
    while some := line.recv(65536):
        answer += some
    print(time.perf_counter() - begun, answer.split(b" ", 2)[1].decode())
"""


@dataclass(frozen=True)
class Run:
    seconds: float
    peak_mb: float
    cpu_seconds: float
    reads: list[float]


def send(path: Path, url: str, target: str, *, packed: bool) -> float:
    """Seconds from the first byte to the answer."""
    port = url.rsplit(":", 1)[1]
    words = [sys.executable, "-c", SENDER, str(path), port, target, "gzip" if packed else "", str(path.stat().st_size)]
    seconds, status = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert status == "202", status
    return float(seconds)


def measured(child: Child, path: Path, *, packed: bool) -> Run:
    made = httpx.post(
        f"{child.url}/v1/imports?{LATER}", content=b"email\na@example.com\n", headers={"Content-Type": "text/csv"}
    )
    reads: list[float] = []
    done = threading.Event()

    def read() -> None:
        with httpx.Client() as client:
            while not done.is_set():
                begun = time.perf_counter()
                client.get(f"{child.url}/v1/imports/{made.json()['id']}").raise_for_status()
                reads.append(time.perf_counter() - begun)
                done.wait(0.02)

    reader = threading.Thread(target=read)
    before = cpu_seconds(child.pid)
    reader.start()
    seconds = send(path, child.url, f"/v1/imports?{LATER}", packed=packed)
    done.set()
    reader.join()
    return Run(seconds, peak_mb(child.pid), cpu_seconds(child.pid) - before, reads)


def bare(path: Path, folder: Path, *, packed: bool) -> float:
    port = free_port()
    child = Child([sys.executable, "-m", "benchmarks.bare", str(port), str(folder)], f"http://127.0.0.1:{port}", folder)
    try:
        return send(path, child.url, "/v1/imports", packed=packed)
    finally:
        child.end()


def split(path: Path, folder: Path) -> float:
    pieces = folder / "split"
    pieces.mkdir()
    begun = time.perf_counter()
    subprocess.run(["split", "-C", str(PART_BYTES), str(path), f"{pieces}/"], check=True)
    subprocess.run(["sync", "-f", str(pieces)], check=True)
    seconds = time.perf_counter() - begun
    for piece in pieces.iterdir():
        piece.unlink()
    pieces.rmdir()
    return seconds


def line(name: str, size_mb: float, run: Run, baselines: dict[str, float]) -> str:
    rate = size_mb / run.seconds
    ratios = ", ".join(f"{rate / (size_mb / seconds):.2f} of {what}" for what, seconds in baselines.items())
    p99 = percentile(run.reads, 0.99)
    met = rate >= RATE and run.peak_mb < PEAK_MB and p99 < READ_SECONDS
    return (
        f"{name:24} {rate:6.0f} MB/s  {run.peak_mb:5.0f} MB peak  {run.cpu_seconds / size_mb * 1000:5.1f} ms CPU/MB  "
        f"read p99 {p99 * 1000:4.0f} ms of {len(run.reads)}   {ratios}   {verdict(met, AIM)}"
    )


def kinds(files: dict[tuple[str, int], Path], folder: Path, databases: list[str], size_mb: int) -> None:
    for kind in ("plain", "gzip", "quoted", "repeated"):
        path, packed = files[kind, size_mb], kind == "gzip"
        baselines = {"bare": bare(path, folder, packed=packed)}
        if not packed:
            baselines["split"] = split(path, folder)
        told = ", ".join(f"{what} {size_mb / seconds:.0f} MB/s" for what, seconds in baselines.items())
        print(f"\n{kind}, {size_mb} MB; baselines: {told}")
        for name, run in runs(path, databases, packed=packed):
            print(line(name, size_mb, run, baselines), flush=True)


def runs(path: Path, databases: list[str], *, packed: bool) -> Iterator[tuple[str, Run]]:
    """One run on each database, each time with a fresh one and a fresh process."""
    for kind in databases:
        with ExitStack() as stack:
            folder = stack.enter_context(scratch())
            child = stack.enter_context(service(folder, stack.enter_context(database(kind, folder))))
            yield kind, measured(child, path, packed=packed)


def growth(files: dict[tuple[str, int], Path], databases: list[str], sizes: list[int]) -> None:
    print("\ngrowth, plain")
    for kind in databases:
        first = None
        for size in sizes:
            for _, run in runs(files["plain", size], [kind], packed=False):
                cost = run.seconds / size
                first = first or cost
                print(
                    f"{kind:12} {size:6} MB  {1 / cost:6.0f} MB/s  {run.peak_mb:5.0f} MB peak  "
                    f"cost per MB {cost / first:.2f} of the smallest file's",
                    flush=True,
                )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--mb", type=int, default=1000, help="size of the files")
    asked.add_argument("--sizes", type=int, nargs="*", default=[10, 100, 1000, 2000], help="for the growth, in MB")
    asked.add_argument("--database", nargs="*", default=["sqlite", "postgresql"])
    given = asked.parse_args()
    print(f"intake on {describe_machine()}")
    with scratch() as folder:
        wanted = {(kind, given.mb) for kind in ("plain", "gzip", "quoted", "repeated")}
        wanted |= {("plain", size) for size in given.sizes}
        files = {}
        for kind, size in sorted(wanted):
            files[kind, size] = folder / f"{kind}-{size}.csv"
            people.write(files[kind, size], size * MB, kind)
        kinds(files, folder, given.database, given.mb)
        growth(files, given.database, given.sizes)


if __name__ == "__main__":
    main()
