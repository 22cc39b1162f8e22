"""What attacks cost everybody else: `python -m benchmarks.hostile`, or `make bench b=hostile`.

One process serves, with keys, on SQLite. Another client asks for its imports and sends a small file, again and again;
measured are the time that its slowest request took, and the most memory that the serving process had. First with nobody
else there, then beside each attack: those that need no key, and those by a client with a key that may submit. Attacker
and client are processes of their own on the same machine, so that part of what is seen is the cores that they share.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.hostile.attacks import WITH_A_KEY, WITHOUT_A_KEY
from benchmarks.support import (
    ROOT,
    Child,
    bare_environment,
    database,
    describe_machine,
    die_with_parent,
    peak_mb,
    percentile,
    scratch,
    service,
    verdict,
)

MOST_TIMES_SLOWER = 3.0
MOST_MB = 250.0
RESET_PEAK = "5"  # proc(5): clear_refs
PAUSE_SECONDS = 1.0  # for what an attack has left behind


@dataclass(frozen=True, slots=True)
class Seen:
    worst_seconds: float
    median_seconds: float
    requests: int
    peak_mb: float
    refused: int  # of the other client's requests

    def row(self, name: str, alone: "Seen") -> str:
        times = self.worst_seconds / alone.worst_seconds
        return (
            f"{name:<34} {1000 * self.worst_seconds:>8.0f} {times:>6.1f} x {1000 * self.median_seconds:>8.1f} "
            f"{self.requests:>9} {self.refused:>8} {self.peak_mb:>8.0f}"
        )


def key_of(client: str, url: str, folder: Path) -> str:
    """An API key, made before the service has the database."""
    words = [sys.executable, "-m", "app", "keys", "create", f"--client={client}", "--scope=submit"]
    environment = bare_environment() | {"SLUICE_DATABASE_URL": url}
    made = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return made.stdout.strip()


def begun(module: str, serving: Child, key: str, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", f"benchmarks.hostile.{module}", "--url", serving.url, "--key", key, *words]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509  # it takes no lock
    )


def beside(attack: str | None, serving: Child, keys: dict[str, str], seconds: float) -> Seen:
    """What the other client sees while that goes on."""
    Path(f"/proc/{serving.pid}/clear_refs").write_text(RESET_PEAK)
    attacker = begun("attacks", serving, keys["attacker"], "--attack", attack) if attack else None
    try:
        told, _ = begun("client", serving, keys["other"], f"--seconds={seconds}").communicate()
    finally:
        if attacker:
            attacker.kill()
            attacker.communicate()
    found = json.loads(told)
    took = found["took"]
    return Seen(max(took), percentile(took, 0.5), len(took), peak_mb(serving.pid), found["refused"])


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=5, help="of each attack")
    asked.add_argument("--only", help="the attacks whose names hold this")
    given = asked.parse_args()
    print(describe_machine())
    print(f"{'':<34} {'worst ms':>8} {'':>8} {'median ms':>8} {'requests':>9} {'refused':>8} {'peak MB':>8}")
    with scratch() as folder, database("sqlite", folder) as url:
        keys = {client: key_of(client, url, folder) for client in ("attacker", "other")}
        with service(folder, url, AUTH="on") as serving:
            beside(None, serving, keys, 1)  # to warm up
            alone = beside(None, serving, keys, 2 * given.seconds)
            print(alone.row("nobody else", alone), flush=True)
            for kind, attacks in (("without a key", WITHOUT_A_KEY), ("with a key", WITH_A_KEY)):
                seen: list[Seen] = []
                for name in attacks:
                    if (given.only or "") in name:
                        seen.append(beside(name, serving, keys, given.seconds))
                        print(seen[-1].row(name, alone), flush=True)
                        beside(None, serving, keys, PAUSE_SECONDS)
                if seen:
                    conclude(kind, seen, alone)


def conclude(kind: str, seen: list[Seen], alone: Seen) -> None:
    worst = max(one.worst_seconds for one in seen)
    peak = max(one.peak_mb for one in seen)
    times = worst / alone.worst_seconds
    print(
        f"{kind}: worst {1000 * worst:.0f} ms, alone {1000 * alone.worst_seconds:.0f} ms, {times:.1f} times; "
        f"peak {peak:.0f} MB, alone {alone.peak_mb:.0f} MB"
    )
    print(f"  {verdict(times < MOST_TIMES_SLOWER, f'less than {MOST_TIMES_SLOWER:.0f} times as slow')}")
    print(f"  {verdict(peak < MOST_MB, f'less than {MOST_MB:.0f} MB')}", flush=True)


if __name__ == "__main__":
    main()
