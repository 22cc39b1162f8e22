"""What a route declares that it answers."""

import pytest

from app.api.openapi import answers
from app.domain.problems import PROBLEMS

LISTS = ("OF_KEYS", "OF_ALL", "OF_ALL_GUARDED", "OF_BODIES", "OF_UPLOADS", "OF_PLACES", "OF_INTAKE", "OF_JSON")


def test_problems_are_declared_under_their_status():
    """Beside what is answered when all is well; several may have one status."""
    declared = answers.responses({202: answers.MADE}, "not_found", "wrong_state", "results_erased", "invalid_file")
    assert declared[202] is answers.MADE
    assert declared[404] == {answers.CODES: ["not_found"]}
    assert declared[409] == {answers.CODES: ["wrong_state"]}
    both = answers.responses({}, "backlog_full", "too_many_requests")
    assert both == {429: {answers.CODES: ["backlog_full", "too_many_requests"]}}


def test_a_route_s_answers_are_its_own():
    """What one route adds is not another's."""
    good = {200: {"description": "x"}}
    answers.responses(good, "not_found")
    assert good == {200: {"description": "x"}}


@pytest.mark.parametrize("name", LISTS)
def test_every_listed_code_is_a_problem_and_stands_once(name: str):
    """A code that there is not would be no page."""
    codes = getattr(answers, name)
    assert set(codes) <= PROBLEMS.keys()
    assert len(codes) == len(set(codes))


def test_headers_are_of_codes_that_there_are():
    """Who is told to come back is told when."""
    assert answers.HEADERS.keys() <= PROBLEMS.keys()
    for code in ("backlog_full", "too_many_requests", "database_unavailable", "stopping"):
        assert answers.HEADERS[code]["Retry-After"]["required"]
