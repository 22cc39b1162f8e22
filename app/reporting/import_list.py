"""Lists of imports for people: each with its estimate, and with what the first of its waiting parts waits for."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from app.clock import Clock
from app.domain.imports import FINISHED, Import
from app.reporting.imports import ImportReader, ImportView
from app.reporting.parts import PartView, view_part
from app.store import import_queries, instances, part_queries
from app.store.database import Database
from app.store.import_queries import Filters


@dataclass(frozen=True, slots=True)
class ImportLine:
    """An import as a list shows it."""

    view: ImportView
    waiting: PartView | None  # the first of its parts that waits

    @property
    def import_(self) -> Import:
        return self.view.summary


@dataclass(frozen=True, slots=True)
class ListReader:
    """Reads pages of imports. However many a page has, it takes a few queries."""

    db: Database
    now: Clock
    imports: ImportReader

    async def page(
        self, filters: Filters, *, before: int | None, size: int, may_see: Callable[[str], bool]
    ) -> Sequence[ImportLine]:
        """Imports, newest first, from before the id `before` on. `may_see`: whether a client's imports may be named."""
        imports = await self.imports.page(filters, before=before, size=size)
        views = await self.imports.view_all(imports)
        waiting = await self._waiting([import_ for import_ in imports if import_.status not in FINISHED], may_see)
        return [ImportLine(view, waiting.get(view.summary.id)) for view in views]

    async def last_retries(self, ids: Collection[int]) -> Mapping[int, int]:
        """By import: the last one that was made of its rows; one of which none was made is missing."""
        async with self.db.read() as tx:
            return await import_queries.last_retries(tx, ids)

    async def _waiting(self, imports: Sequence[Import], may_see: Callable[[str], bool]) -> Mapping[int, PartView]:
        if not imports:
            return {}
        async with self.db.read() as tx:
            by_name = {instance.name: instance for instance in await instances.everyone(tx)}
            first = await part_queries.first_waiting(tx, [import_.id for import_ in imports])
            blockers = await part_queries.blockers(tx, list(first.values()))
        visible = {part_id: blocker for part_id, blocker in blockers.items() if may_see(blocker.client)}
        now = self.now()
        return {
            import_.id: view_part(part, import_, by_name[part.instance], visible.get(part.blocked_by or 0), now)
            for import_ in imports
            if (part := first.get(import_.id))
        }
