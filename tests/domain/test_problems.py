"""The pages of problems: each says what to do."""

import re

import pytest

from app.domain.errors import CallerError
from app.domain.problems import PROBLEMS, path_of


def test_a_problem_has_a_path_without_underscores():
    """It is the `type` that callers see, and must not change."""
    assert path_of("file_too_large") == "/problems/file-too-large"


def test_every_problem_says_what_it_is_and_what_to_do():
    """In sentences; its code is a word of small letters."""
    for code, problem in PROBLEMS.items():
        assert re.fullmatch(r"[a-z0-9_]+", code)
        assert 400 <= problem.status < 600
        assert problem.title[0].isupper(), code
        assert not problem.title.endswith("."), code
        for text in (problem.means, problem.remedy):
            assert text.endswith((".", "`", ")")), code


@pytest.mark.parametrize("kind", CallerError.__subclasses__(), ids=lambda kind: kind.__name__)
def test_every_kind_of_mistake_has_a_problem_of_its_status(kind: type[CallerError]):
    """A more precise code may be given where it is raised."""
    assert PROBLEMS[kind.code].status == kind.status
