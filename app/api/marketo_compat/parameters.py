"""Marketo's parameters in our words."""

from app.api.parameters import PARAMETERS
from app.domain.objects import Target, target_parameters

THEIRS = {ours: parameter.at_marketo for ours, parameter in target_parameters().items() if parameter.at_marketo}
"""Our names of parameters in Marketo's words, where it has one."""
IN_PATH = {parameter.in_path: ours for ours, parameter in target_parameters().items() if parameter.in_path}
"""Our names of the parameters that stand in Marketo's paths, by their names there."""
BESIDE = [name for name, one in PARAMETERS.items() if one.of is None and name != "object_type"]
"""Parameters of ours that may be given beside Marketo's."""


def taken(kind: type[Target]) -> dict[str, str]:
    """The names that may be given with a file of this object type, and what each is with us. All others are ignored."""
    of_the_type = {
        parameter.at_marketo: ours
        for ours, parameter in kind.parameters().items()
        if parameter.at_marketo and not parameter.in_path
    }
    return of_the_type | {name: name for name in BESIDE}
