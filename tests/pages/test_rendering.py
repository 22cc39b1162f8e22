"""Templates: what none of them may do."""

import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from app.pages import rendering
from app.pages.rendering import templates

TEMPLATES = sorted(Path(rendering.__file__).with_name("templates").iterdir())


def test_a_value_is_escaped_and_one_that_is_not_there_is_a_fault():
    assert templates.from_string("<p title='{{ x }}'>").render(x="'<b>&") == "<p title='&#39;&lt;b&gt;&amp;'>"
    with pytest.raises(UndefinedError):
        templates.from_string("{{ nobody }}").render()


@pytest.mark.parametrize("path", TEMPLATES, ids=[path.name for path in TEMPLATES])
def test_no_template_turns_escaping_off_or_has_anything_inline(path: Path):
    """The policy would refuse it in the browser, and nobody would know why a page looks odd."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\|\s*safe\b|autoescape|Markup", text)
    assert not re.search(r"\sstyle\s*=|<style|\son[a-z]+\s*=|<script(?! type=\"module\" src=)", text)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=[path.name for path in TEMPLATES])
def test_every_form_carries_the_token_of_the_session(path: Path):
    """All but the one to sign in, which there is no session for."""
    text = path.read_text(encoding="utf-8")
    forms = re.findall(r'<form[^>]*method="post".*?</form>', text, re.DOTALL)
    if path.name != "sign_in.html":
        assert all("form_fields()" in form for form in forms)


def test_a_region_that_renews_has_an_id():
    """Or nothing would be found to put in its place (static/live.js)."""
    for path in TEMPLATES:
        for tag in re.findall(r"<[a-z]+[^>]*data-live[^>]*>", path.read_text(encoding="utf-8")):
            assert ' id="' in tag, (path.name, tag)


@pytest.mark.parametrize("path", TEMPLATES, ids=[path.name for path in TEMPLATES])
def test_what_others_wrote_ends_its_own_directions(path: Path):
    """Within a `<bdi>`, by the filter `closed`, or by `readable`, which closes too."""
    for shown in re.findall(r"<bdi>{{(.*?)}}</bdi>", path.read_text(encoding="utf-8")):
        assert shown.strip().removesuffix(" | code_marks").endswith(("| closed", "| readable")), shown
