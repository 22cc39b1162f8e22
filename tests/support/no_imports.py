"""`python -m tests.support.no_imports serve …`: the service, in which nothing can be imported once it serves.

What was asked for all the same stands in `asked-for.json` in the working directory when it has ended.
"""

import importlib.abc
import json
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from app.cli import main, server

asked: list[str] = []


class Nothing(importlib.abc.MetaPathFinder):
    """As if no more files could be opened."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        asked.append(fullname)
        raise ImportError(f"{fullname} is imported while the service works")


announce = server._announce


async def announced(*given: Any) -> None:
    await announce(*given)
    sys.meta_path.insert(0, Nothing())


server._announce = announced
try:
    main.main()
finally:
    Path("asked-for.json").write_text(json.dumps(asked))
