"""SQL compiled once for all engines of a test run.

Each engine compiles a statement when it first sends it, and remembers the text. A test opens engines of its own, sends
fifty statements or so, and would spend a third of its time on that.
"""

from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import Compiled


class SharedCache(dict[Any, Compiled]):
    """Takes all dialects of one name for one: SQLAlchemy's keys begin with the engine's own."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_of_any_engine(key), default)

    def __setitem__(self, key: Any, compiled: Compiled) -> None:
        super().__setitem__(_of_any_engine(key), compiled)


def _of_any_engine(key: Any) -> Any:
    dialect, *others = key
    return (dialect.name, dialect.driver, *others)


def share_compiled_statements() -> None:
    """Between all engines from now on."""
    known = SharedCache()

    @event.listens_for(Engine, "engine_connect")
    def use_it(connection: Connection) -> None:
        connection.execution_options(compiled_cache=known)
