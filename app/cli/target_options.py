"""The options that say what a file's rows become: one for each parameter of each object type."""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, assert_never

import typer

from app.domain.objects import OBJECT_TYPES, ValueKind

Command = Callable[..., None]


def takes_target(command: Command) -> Command:
    """Give a command the options of every object type in place of its argument `target`: it gets them by name."""
    options = dict(_options())

    @functools.wraps(command)
    def with_options(**arguments: Any) -> None:
        command(target={name: arguments.pop(name) for name in options}, **arguments)

    own = inspect.signature(command)
    before, after = _around("target", list(own.parameters.values()))
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in options.items()
    ]
    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in [*before, *added, *after]]
    vars(with_options)["__signature__"] = own.replace(parameters=parameters)  # what typer reads
    with_options.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return with_options


def _around(name: str, parameters: list[inspect.Parameter]) -> tuple[list[inspect.Parameter], list[inspect.Parameter]]:
    index = [parameter.name for parameter in parameters].index(name)
    return parameters[:index], parameters[index + 1 :]


def _options() -> Iterator[tuple[str, Any]]:
    """(name, annotation) of each, as typer reads them."""
    words: Any = Literal[tuple(OBJECT_TYPES)]
    yield "object_type", Annotated[words | None, typer.Option(help="What the rows become.")]
    for kind in OBJECT_TYPES.values():
        for name, parameter in kind.parameters().items():
            about = typer.Option(help=f"{kind.object_type}: {parameter.means}.")
            yield name, Annotated[_type_of(parameter.kind), about]


def _type_of(kind: ValueKind) -> Any:
    match kind:
        case ValueKind.TEXT | ValueKind.FIELD | ValueKind.API_NAME | ValueKind.API_NAMES:
            return str | None
        case ValueKind.MARKETO_ID:
            return int | None
        case _:
            assert_never(kind)
