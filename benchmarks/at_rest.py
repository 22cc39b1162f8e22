"""What SLUICE_ENCRYPTION_KEYS costs: `python -m benchmarks.at_rest`, or `make bench b=at_rest`.

Off and on take turns, each with a fresh database and a fresh process: a large file, many small ones, and `sluice rekey`
of all that was taken in without keys. The service's own CPU time is compared, too: other work on the machine changes
it less than the time of day.
"""

import argparse
import base64
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import NamedTuple

import httpx

from benchmarks import people
from benchmarks.intake import LATER, MB, measured
from benchmarks.support import bare_environment, cpu_seconds, database, describe_machine, scratch, service, verdict

AIM = 1.10  # of what it costs without
SENDERS = 8
KEY = base64.b64encode(os.urandom(32)).decode()


class Cost(NamedTuple):
    seconds: float
    cpu_seconds: float


def large(path: Path, kind: str, keys: dict[str, str]) -> Cost:
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        child = stack.enter_context(service(folder, stack.enter_context(database(kind, folder)), **keys))
        run = measured(child, path, packed=False)
        return Cost(run.seconds, run.cpu_seconds)


def small(count: int, kind: str, keys: dict[str, str]) -> Cost:
    """So many files of about one kilobyte, of eight senders at once."""
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        child = stack.enter_context(service(folder, stack.enter_context(database(kind, folder)), **keys))

        def send(sender: int) -> None:
            with httpx.Client(base_url=child.url, headers={"Content-Type": "text/csv"}) as client:
                for number in range(count // SENDERS):
                    name = f"{sender}-{number}"
                    rows = "".join(f"p{name}-{row}@example.com,Ann,Ash,{row}\n" for row in range(25))
                    client.post(
                        f"/v1/imports?{LATER}", content=f"email,firstName,lastName,leadScore\n{rows}"
                    ).raise_for_status()

        with ThreadPoolExecutor(SENDERS) as senders:
            list(senders.map(send, [0] * SENDERS))  # the first ones warm up
            before, begun = cpu_seconds(child.pid), time.perf_counter()
            list(senders.map(send, range(SENDERS)))
            return Cost(time.perf_counter() - begun, cpu_seconds(child.pid) - before)


def rekeyed(path: Path, kind: str, size_mb: int) -> None:
    """What was taken in without keys, sealed while the service works."""
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        url = stack.enter_context(database(kind, folder))
        with service(folder, url) as child:
            measured(child, path, packed=False)
        environment = {**bare_environment(), "SLUICE_DATABASE_URL": url, "SLUICE_ENCRYPTION_KEYS": KEY}
        begun = time.perf_counter()
        words = [sys.executable, "-m", "app", "rekey", "--json"]
        told = subprocess.run(words, env=environment, capture_output=True, text=True, check=True, cwd=folder).stdout
        seconds = time.perf_counter() - begun
        print(f"rekey, {kind}: {size_mb / seconds:.0f} MB of rows a second: {json.loads(told)['changed']}", flush=True)


def compared(name: str, without: list[Cost], with_keys: list[Cost]) -> None:
    seconds = median(run.seconds for run in with_keys) / median(run.seconds for run in without)
    cpu = median(run.cpu_seconds for run in with_keys) / median(run.cpu_seconds for run in without)
    off, on = (median(run.seconds for run in runs) for runs in (without, with_keys))
    print(
        f"{name:24} {off:6.2f} s without, {on:6.2f} s with keys: {seconds:.2f}; CPU {cpu:.2f}   "
        f"{verdict(seconds <= AIM, f'{AIM:.2f}')}",
        flush=True,
    )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--mb", type=int, default=200, help="size of the large file; 0 leaves it out")
    asked.add_argument("--files", type=int, default=2000, help="small files; 0 leaves them out")
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--database", nargs="*", default=["sqlite", "postgresql"])
    given = asked.parse_args()
    print(f"data at rest on {describe_machine()}")
    settings: list[dict[str, str]] = [{}, {"ENCRYPTION_KEYS": KEY}]
    with scratch() as folder:
        path = folder / "plain.csv"
        people.write(path, given.mb * MB, "plain")
        for kind in given.database:
            for name, measure in (
                (f"{given.mb} MB", lambda keys: large(path, kind, keys)),  # noqa: B023  # called at once
                (f"{given.files} of 1 KB", lambda keys: small(given.files, kind, keys)),  # noqa: B023
            ):
                if not name.startswith("0 "):
                    runs = [[measure(keys) for keys in settings] for _ in range(given.rounds)]
                    compared(f"{kind}, {name}", [off for off, _ in runs], [on for _, on in runs])
            if given.mb:
                rekeyed(path, kind, given.mb)


if __name__ == "__main__":
    main()
