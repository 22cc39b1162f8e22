"""What libraries would load when they first need it is loaded at the start.

A connection is an open file. Where enough are open, a module cannot be read any more, and what then fails may be
anything: a request, a tick, the process.
"""

import importlib

MODULES = (
    "anyio._backends._asyncio",  # the first request that goes to a thread
    "anyio._core._fileio",  # the first file that is served
)


def preload() -> None:
    for name in MODULES:
        importlib.import_module(name)
