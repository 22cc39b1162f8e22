"""What sets a Marketo object type apart stands in its module in domain/objects, and nowhere else."""

import re
from pathlib import Path

import pytest

from app.domain.objects import OBJECT_TYPES, Target

ROOT = Path(__file__).parents[2]
APP = ROOT / "app"
NAMES = {
    "leads.py": r"import .*Leads\b|\bLeads\(",  # "lead" is also what Marketo calls records in general
    "custom_objects.py": r"custom_object\b|CustomObject\b",
    "program_members.py": r"program_member|ProgramMember",
}
ELSEWHERE = {
    "leads.py": {"domain/objects/__init__.py", "api/openapi/examples.py"},
    "custom_objects.py": {"domain/objects/__init__.py"},
    "program_members.py": {"domain/objects/__init__.py"},
}
"""The registry; and the API's example of an import, which is one of leads."""


def sources() -> list[Path]:
    """All but the simulator, which restates Marketo's rules, and the command that starts it."""
    simulator, command = APP / "simulator", APP / "cli" / "simulate.py"
    return [path for path in sorted(APP.rglob("*.py")) if path != command and not path.is_relative_to(simulator)]


@pytest.mark.parametrize("module", NAMES)
def test_an_object_type_is_named_in_its_own_module_and_in_the_registry(module: str):
    """Whoever adds one looks for no other place; at most three could be allowed."""
    naming = {str(path.relative_to(APP)) for path in sources() if re.search(NAMES[module], path.read_text())}
    assert naming == {f"domain/objects/{module}"} | ELSEWHERE[module]
    assert len(ELSEWHERE[module]) <= 3


@pytest.mark.parametrize("object_type", ["lead", "custom_object", "program_member"])
def test_an_object_type_declares_all_that_the_service_asks(object_type: str):
    """Nothing of it is taken for granted, so nothing of an unknown type is taken to be a lead's."""
    declared = vars(OBJECT_TYPES[object_type])
    assert [name for name in Target.__annotations__ if name not in declared] == []
    assert OBJECT_TYPES[object_type].object_type == object_type


@pytest.mark.parametrize("object_type", ["lead", "custom_object", "program_member"])
def test_an_object_type_has_its_sample(object_type: str):
    """The demo imports one file of every type."""
    assert (ROOT / "docs" / "samples" / OBJECT_TYPES[object_type].sample).is_file()
