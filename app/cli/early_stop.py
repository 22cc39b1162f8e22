"""SIGTERM and SIGINT while `sluice` is still loading itself, which takes a second or two.

A signal for which the first process of a container has no handler is thrown away, and the process is killed once its
time is over. So this handler is set before anything large is imported, and this module imports nothing large. The image
starts `sluice` with both signals blocked: one that comes even earlier waits until they are let through here.
"""

import json
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

SERVERS = frozenset({"serve", "simulate"})  # commands that are meant to be stopped
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def handle_signals(words: Sequence[str]) -> None:
    """Set the handlers for the command of these words. A command that serves sets its own once it has begun.

    Before that, a server has nothing under way, so it ends at once, with 0. Any other command ends on SIGTERM as
    usual: with 143, since it has not done what it was asked for.
    """
    signal.signal(signal.SIGTERM, _stop_calmly if words[:1] and words[0] in SERVERS else _give_up)
    if words[:1] and words[0] in SERVERS:
        signal.signal(signal.SIGINT, _stop_calmly)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _stop_calmly(number: int, _frame: FrameType | None) -> None:
    name = signal.Signals(number).name
    line = {"event": "stopped", "signal": name, "level": "info", "logger": __name__}
    text = f"Stopped by {name}." if os.isatty(sys.stderr.fileno()) else json.dumps(line)
    os.write(sys.stderr.fileno(), f"{text}\n".encode())
    os._exit(0)


def _give_up(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)
