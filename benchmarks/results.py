"""What 100,000 rejected rows cost: `python -m benchmarks.results`, or `make bench b=results`.

A file in which every row is wrong goes through a simulated Marketo. Measured: from Marketo's word that the job is done
until each row is placed and stored, and reading them all back as CSV. Beside it, in the same run: Python's csv module
reading the same two files, which is the least that placing by values can take.
"""

import argparse
import csv
import io
import time
from contextlib import ExitStack
from datetime import datetime

import httpx

from benchmarks.support import database, describe_machine, peak_mb, scratch, service, simulator, verdict

SECONDS, MB = 10, 200  # for 100,000 rows
HEADER = "email,firstName,lastName,company,title,phone,city,leadScore"


def a_file(rows: int) -> bytes:
    lines = [
        f'p{n}@example.com,First{n % 977},Last{n % 1301},"Company, {n}",Owner,+44 20 {n:08d},Town {n % 1009},many'
        for n in range(rows)
    ]
    return "\n".join([HEADER, *lines, ""]).encode()


def measure(kind: str, content: bytes, rows: int) -> None:
    with ExitStack() as stack:
        folder, other = stack.enter_context(scratch()), stack.enter_context(scratch())
        marketo = stack.enter_context(simulator(other, rows_per_second=1_000_000, job_seconds=1))
        url = stack.enter_context(database(kind, folder))
        child = stack.enter_context(service(folder, url, marketo=marketo.url, POLL_MIN_SECONDS=1, POLL_MAX_SECONDS=1))
        client = stack.enter_context(httpx.Client(base_url=child.url, timeout=120))
        made = client.post("/v1/imports", content=content, headers={"Content-Type": "text/csv"}).json()
        while client.get(f"/v1/imports/{made['id']}").json()["status"] != "complete":
            time.sleep(0.2)
        events = client.get(f"/v1/imports/{made['id']}/events").json()["items"]
        at = {event["type"]: datetime.fromisoformat(event["at"]) for event in events}
        kept = (at["collect"] - at["finish"]).total_seconds()
        begun = time.perf_counter()
        text = client.get(f"/v1/imports/{made['id']}/failures.csv").text
        served = time.perf_counter() - begun
        found = [int(row["Source Row"]) for row in csv.DictReader(io.StringIO(text))]
        assert found == list(range(1, rows + 1)), "each row at its place"
        begun = time.perf_counter()
        for whole in (content.decode(), text):
            for _ in csv.reader(io.StringIO(whole)):
                pass
        least = time.perf_counter() - begun
        peak = peak_mb(child.pid)
        print(
            f"{kind:12} placed and stored {kept:.1f} s, served {served:.1f} s, together {kept + served:.1f} s: "
            f"{(kept + served) / least:.0f} readings of both by csv ({least:.2f} s);  {peak:.0f} MB peak; "
            + verdict(kept + served < SECONDS and peak < MB, f"{SECONDS} s and {MB} MB for 100,000 rows"),
            flush=True,
        )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=100_000)
    asked.add_argument("--database", nargs="*", default=["sqlite", "postgresql"])
    given = asked.parse_args()
    print(f"{given.rows} rejected rows on {describe_machine()}")
    content = a_file(given.rows)
    for kind in given.database:
        measure(kind, content, given.rows)


if __name__ == "__main__":
    main()
