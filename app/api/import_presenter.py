"""How imports are answered: with an estimate, and with the headers that go with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Response

from app.api.dependencies import TheContainer
from app.api.schemas.imports import Import, ResolvedImport
from app.domain import imports as domain
from app.reporting.imports import ImportReader, ImportView
from app.uploads.arrival import Receipt


@dataclass(frozen=True, slots=True)
class ImportPresenter:
    """Presents imports in the answer to one request."""

    imports: ImportReader
    response: Response  # that of the request, for its headers

    async def present(self, import_: domain.Import) -> Import:
        """An import that was just read. Until it is finished, Retry-After says when to ask again."""
        return self._answer(await self.imports.view(import_))

    def _answer(self, view: ImportView) -> Import:
        if view.next_look_seconds is not None:
            self.response.headers["Retry-After"] = str(view.next_look_seconds)
        return Import.of(view)

    async def present_changed(self, import_id: int) -> Import:
        """An import that was just changed: it is read anew, and Location says where it is."""
        import_ = await self.imports.get(import_id)
        assert import_ is not None
        self.response.headers["Location"] = f"/v1/imports/{import_id}"
        return await self.present(import_)

    async def present_resolved(self, import_id: int, bundled_imports: Sequence[int]) -> ResolvedImport:
        """An import of which a part was just decided, with the others for which that went as well."""
        import_ = await self.present_changed(import_id)
        return ResolvedImport(**dict(import_), bundled_imports=list(bundled_imports))

    async def present_receipt(self, receipt: Receipt) -> Import:
        """An import that was just made, now or by an earlier request with the same Idempotency-Key."""
        if receipt.replayed:
            self.response.headers["Idempotency-Replayed"] = "true"
        if receipt.import_ is None:
            return await self.present_changed(receipt.import_id)
        self.response.headers["Location"] = f"/v1/imports/{receipt.import_id}"
        return self._answer(await self.imports.view_new(receipt.import_))

    async def present_all(self, imports: Sequence[domain.Import]) -> list[Import]:
        return [Import.of(view) for view in await self.imports.view_all(imports)]


async def _presenter(response: Response, container: TheContainer) -> ImportPresenter:
    """`response` is the same object that FastAPI gives to the route."""
    return ImportPresenter(container.reports.imports, response)


Presenter = Annotated[ImportPresenter, Depends(_presenter)]
