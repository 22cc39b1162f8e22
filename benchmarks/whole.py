"""A whole large file through a simulated Marketo: `python -m benchmarks.whole`, or `make bench b=whole`.

200 MB, 1 % of its keys repeated, 0.1 % of its rows wrong. Checked: every row accounted for, no duplicate record, the
last row of each key won, each failure at its row. Measured, by the simulator's own clock: how busy its two importers
were from the first start to the last finish; the baseline is what one part at a time would reach, which is half.
"""

import argparse
import csv
import io
import random
import time
from contextlib import ExitStack

import httpx

from benchmarks.support import busy, database, describe_machine, peak_mb, scratch, service, simulator, verdict

BUSY = 0.95  # of the time from the first start to the last finish
HEADER = "email,firstName,lastName,company,phone,leadScore,city"


def a_file(size_bytes: int) -> tuple[bytes, int, dict[str, str], list[int]]:
    """(the file, its rows, the name that must win for each email, the rows that Marketo rejects)."""
    lines, wins, rejected, size, number = [HEADER], {}, [], len(HEADER), 0
    chance = random.Random(1)
    while size < size_bytes:
        number += 1
        key = 1 + chance.randrange(number - 1) if number % 100 == 0 else number  # one that was there before
        bad = number % 1000 == 1
        email, name = f"p{key}@example.com", f"N{number}"
        score = "many" if bad else str(number % 100)
        company = f'"Company, {number % 100_003}"'
        row = f"{email},{name},Last{number % 1301},{company},+44 20 {number:08d},{score},Town {number % 1009}"
        if bad:
            rejected.append(number)
        else:
            wins[email] = name
        lines.append(row)
        size += len(row) + 1
    return "\n".join([*lines, ""]).encode(), number, wins, rejected


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--mb", type=int, default=200)
    asked.add_argument("--rows-per-second", type=float, default=5000)
    asked.add_argument("--database", default="sqlite")
    given = asked.parse_args()
    print(f"{given.mb} MB on {describe_machine()}", flush=True)
    content, rows, wins, rejected = a_file(given.mb * 1_000_000)
    with ExitStack() as stack:
        folder, other = stack.enter_context(scratch()), stack.enter_context(scratch())
        marketo = stack.enter_context(simulator(other, rows_per_second=given.rows_per_second))
        url = stack.enter_context(database(given.database, folder))
        child = stack.enter_context(service(folder, url, marketo=marketo.url))
        client = stack.enter_context(httpx.Client(base_url=child.url, timeout=600))
        begun = time.perf_counter()
        made = client.post("/v1/imports", content=content, headers={"Content-Type": "text/csv"}).json()
        print(
            f"accepted {rows} rows in {made['parts']['total']} parts after {time.perf_counter() - begun:.1f} s",
            flush=True,
        )
        while (told := client.get(f"/v1/imports/{made['id']}").json())["status"] not in ("complete", "failed"):
            time.sleep(1)
        expected = {"total": rows, "imported": rows - len(rejected), "failed": len(rejected), "warned": 0, "pending": 0}
        assert told["rows"] == expected, told
        text = client.get(f"/v1/imports/{made['id']}/failures.csv").text
        found = [(int(row["Source Row"]), row["firstName"]) for row in csv.DictReader(io.StringIO(text))]
        assert found == [(number, f"N{number}") for number in rejected], "each failure at its row"
        records = httpx.get(f"{marketo.url}/simulator/records/lead", timeout=600).json()["records"]
        names = {record["email"]: record["firstName"] for record in records}
        assert len(records) == len(names), "no duplicate record"
        assert names == wins, "the last row of each key won"
        report = httpx.get(f"{marketo.url}/simulator/report", timeout=60).json()
        share, jobs = busy(report["jobs"]), len(report["jobs"])
        print("every row accounted for, no duplicate record, the last row of each key won, each failure at its row")
        calls, most = sum(report["calls"].values()) / jobs, report["most_outstanding"]
        told = verdict(share >= BUSY, f"{BUSY:.0%}")
        print(f"importers busy {share:.1%}, {share / 0.5:.2f} of one part at a time; {told}")
        print(f"{jobs} jobs, {calls:.1f} calls a job")
        print(f"at most {most} in Marketo's queue; {peak_mb(child.pid):.0f} MB peak")


if __name__ == "__main__":
    main()
