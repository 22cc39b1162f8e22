"""What a route asks for: an import that its caller may see, and parameters that it takes."""

from typing import Any

import pytest

from app.api.dependencies import manageable_import, visible_import
from app.domain.api_keys import Caller, Scope
from app.domain.errors import Forbidden, NotFound
from app.domain.imports import Import
from tests.api.problem_answers import is_problem
from tests.story.files import LEADS
from tests.support.stage import Stage

OWN = Caller("local", frozenset({Scope.SUBMIT}))
STRANGER = Caller("shop", frozenset({Scope.SUBMIT}))
READER = Caller("shop", frozenset({Scope.READ}))
OPERATOR = Caller("ops", frozenset({Scope.OPERATE}))


async def seen(stage: Stage, caller: Caller, import_id: str) -> Import:
    return await visible_import(stage.container, caller, import_id)


async def test_an_import_is_there_for_whoever_may_see_it(stage: Stage):
    """To others it does not exist."""
    import_id = str(await stage.created(LEADS))
    for caller in (OWN, READER, OPERATOR):
        assert (await seen(stage, caller, import_id)).id == int(import_id)
    with pytest.raises(NotFound):
        await seen(stage, STRANGER, import_id)


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.0", "9" * 30, str(2**63), "7" * 5_000])
async def test_what_is_no_number_of_an_import_is_not_found(stage: Stage, text: str):
    """404, as for a number that no import has; long ones are not repeated whole."""
    with pytest.raises(NotFound) as refused:
        await seen(stage, OPERATOR, text)
    assert len(refused.value.message) < 100


async def test_who_may_only_see_an_import_may_not_decide_about_it(stage: Stage):
    """403, for it is known to be there."""
    import_ = await seen(stage, READER, str(await stage.created(LEADS)))
    assert await manageable_import(OWN, import_) is import_
    assert await manageable_import(OPERATOR, import_) is import_
    with pytest.raises(Forbidden):
        await manageable_import(READER, import_)


@pytest.mark.parametrize("query", [{"x": "1"}, [("status", "queued"), ("status", "failed")]])
async def test_a_slip_in_the_query_does_not_go_unnoticed(stage: Stage, query: Any):
    """A name that is not known, and one with two values."""
    is_problem(await stage.api.get("/v1/imports", params=query), 422, "invalid_parameter")
