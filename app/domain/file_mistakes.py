"""Mistakes in an uploaded file: each says what is wrong and what to do; `refusal` makes one error of all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.errors import TOLD_DETAILS, BadFile, Detail


@dataclass(frozen=True, slots=True)
class Mistake:
    code: str  # of the problem that a file with this mistake alone is refused with
    message: str  # a sentence or two: what is wrong, and what to do
    field: str | None = None
    row: int | None = None  # 1 = the first row after the header, 0 = the header
    say: str = ""  # `parameter=value`, where sending that corrects the mistake
    of_parameter: bool = False  # True: `field` names a parameter of the request; False: a column

    @property
    def detail(self) -> Detail:
        return Detail(self.message, field=self.field, row=self.row)


def mistakes_of(refused: BadFile) -> list[Mistake]:
    """The mistakes that a refusal lists."""
    details = refused.details
    if len(details) < 2:
        detail = details[0] if details else Detail(refused.message)
        return [Mistake(refused.code, refused.message, detail.field, detail.row)]
    return [Mistake(refused.code, detail.message, detail.field, detail.row) for detail in details]


def refusal(mistakes: Sequence[Mistake], *, code: str | None = None) -> BadFile:
    """One error for all mistakes. `code`: the error's code, where it is not to be that of the first mistake."""
    sentences = [mistake.message for mistake in mistakes[:TOLD_DETAILS]]
    if len(mistakes) > TOLD_DETAILS:
        sentences.append(f"And {len(mistakes) - TOLD_DETAILS} more.")
    corrections = [mistake.say for mistake in mistakes if mistake.say]
    if len(corrections) > 1:
        sentences.append(f"Say all of it at once: `{'&'.join(corrections)}`.")
    details = tuple(mistake.detail for mistake in mistakes)
    return BadFile(" ".join(sentences), code=code or mistakes[0].code, details=details)
