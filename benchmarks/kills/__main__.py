"""Kill, stop and hold up the service while files come in: `python -m benchmarks.kills`, or `make bench b=kills`.

Real processes over real HTTP: a simulator, and the service on SQLite (one process) and PostgreSQL (two APIs, two
workers), both at once. Callers upload all the while and write down each intent and each 202 before it counts. A seed
decides who is struck, when and how: SIGKILL, SIGTERM, SIGSTOP until the lease is over and SIGCONT, now and then all of
them at one moment. Then the storm ends, everything must finish, and it is checked that nothing accepted is lost,
that Marketo's limits held, that nothing was imported twice but where nobody could know, and that every part's history
is a path. Exits 1 with the broken promise and the command that plays the same plan again.
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.kills.loop import Told, run
from benchmarks.support import database, describe_machine

SHARE = {"sqlite": 0.2, "postgresql": 0.8}  # of the blows, where both are asked for: about by the number of processes


async def play(kinds: list[str], given: argparse.Namespace, folder: Path, stack: ExitStack) -> list[Told]:
    blows = {kind: round(given.kills * SHARE[kind]) if len(kinds) > 1 else given.kills for kind in kinds}
    urls = {kind: stack.enter_context(database(kind, folder)) for kind in kinds}
    runs = [run(kind, urls[kind], folder, blows=blows[kind], seed=given.seed, samples=given.samples) for kind in kinds]
    return await asyncio.gather(*runs)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--kills", type=int, default=200)
    asked.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    asked.add_argument("--samples", type=int, default=3, help="of each thing that is timed once the storm is over")
    given = asked.parse_args()
    print(f"seed {given.seed}: {given.kills} kills on {describe_machine()}", flush=True)
    kinds = list(SHARE) if given.database == "both" else [given.database]
    folder = Path(tempfile.mkdtemp(prefix="sluice-kills-"))
    with ExitStack() as stack:
        results = asyncio.run(play(kinds, given, folder, stack))
    for told in results:
        print(told.database, *told.lines(), sep="\n  ")
    broken = [f"{told.database}: {promise}" for told in results for promise in told.broken]
    if broken:
        print("BROKEN", *broken, sep="\n  ")
        again = f"--kills {given.kills} --seed {given.seed} --database {given.database}"
        print(f"the same plan again: python -m benchmarks.kills {again}")
        print(f"logs, journals and the SQLite file are in {folder}")
        sys.exit(1)
    shutil.rmtree(folder)
    print("nothing accepted was lost, nothing was imported twice but where nobody could know, every limit held")


if __name__ == "__main__":
    main()
