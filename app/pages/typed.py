"""A form that was refused comes back as it was filled in, with each mistake beside its field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.errors import CallerError
from app.pages.routing import Visit


@dataclass(frozen=True, slots=True)
class Typed:
    """What a form was sent with, and what is wrong with it. By default: a form that nobody has filled in yet."""

    form: Mapping[str, str] = field(default_factory=dict)
    many: Mapping[str, Sequence[str]] = field(default_factory=dict)
    mistakes: Mapping[str, str] = field(default_factory=dict)  # by field
    refusal: str | None = None  # what is wrong with no field by itself

    @property
    def is_refused(self) -> bool:
        return bool(self.mistakes or self.refusal)

    def value(self, name: str, otherwise: object = "") -> str:
        """What a field is to hold; `otherwise`: at first."""
        return self.form.get(name, "") if self.is_refused else str(otherwise)

    def has(self, name: str, word: object, *, otherwise: bool) -> bool:
        """Whether this choice is ticked."""
        return str(word) in self.many.get(name, ()) if self.is_refused else otherwise


def refused(visit: Visit, error: CallerError, fields: Sequence[str]) -> Typed:
    """The form of a deed that raised this error. `fields`: those that the form shows."""
    mistakes = {detail.field: detail.message for detail in error.details if detail.field and detail.field in fields}
    return Typed(visit.form, visit.many, mistakes, None if mistakes else error.message)
