"""`python -m tests.simulation --seed 4711`: live the life of a seed again, and tell it."""

import argparse
import sys
import time

from tests.simulation.seeds import DATABASES, living


def main() -> int:
    sys.stdout.reconfigure(line_buffering=True)
    asked = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    asked.add_argument("--seed", type=int, default=0, help="the first seed")
    asked.add_argument("--seeds", type=int, default=1, help="how many, counted up from there")
    asked.add_argument("--database", choices=sorted(DATABASES), default="sqlite")
    told = asked.parse_args()
    failed = []
    begun = time.process_time()
    with living(told.database) as live:
        for seed in range(told.seed, told.seed + told.seeds):
            outcome = live(seed)
            if told.seeds == 1:
                print("\n".join(outcome.story))
            if outcome.error is not None:
                failed.append(seed)
                print(outcome.report(told.database))
    seconds = time.process_time() - begun
    print(f"{told.seeds} lives in {seconds:.1f} s of a core on {told.database}; failed: {failed or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
