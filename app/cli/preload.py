"""Loads at the start the modules that libraries would load when they first need them.

A connection is an open file. Where too many are open, no module can be read any more, and then anything may fail: a
request, a tick, the process.
"""

import importlib

MODULES = (
    "anyio._backends._asyncio",  # the first request that goes to a thread
    "anyio._core._fileio",  # the first file that is served
)


def preload() -> None:
    for name in MODULES:
        importlib.import_module(name)
