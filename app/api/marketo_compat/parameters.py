"""Marketo's parameters in our words."""

from app.api.parameters import PARAMETERS
from app.domain.objects import Target, target_parameters

THEIRS = {name: parameter.at_marketo for name, parameter in target_parameters().items() if parameter.at_marketo}
"""Our names of parameters in Marketo's words, where it has one."""
IN_PATH = {parameter.in_path: name for name, parameter in target_parameters().items() if parameter.in_path}
"""Our names of the parameters that stand in Marketo's paths, by their names there."""
OURS_ALONE = ("object_type", "column_map")
BESIDE = [name for name, parameter in PARAMETERS.items() if parameter.of is None and name not in OURS_ALONE]
"""Parameters of ours that may be given beside Marketo's."""


def accepted_names(kind: type[Target]) -> dict[str, str]:
    """Marketo's names that may be sent with a file of this object type, with our name of each. Others are ignored."""
    of_the_type = {
        parameter.at_marketo: name
        for name, parameter in kind.parameters().items()
        if parameter.at_marketo and not parameter.in_path
    }
    return of_the_type | {name: name for name in BESIDE}
