"""What is wrong with a file: each mistake with what to do about it, and all of them together as one refusal."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.errors import TOLD_DETAILS, BadFile, Detail


@dataclass(frozen=True, slots=True)
class Mistake:
    code: str  # of the problem that it is by itself
    message: str  # a sentence or two: what is wrong, and what to do
    field: str | None = None
    row: int | None = None  # 1 = the first row after the header, 0 = the header
    say: str = ""  # `parameter=value`, where that mends it
    of_parameter: bool = False  # `field` names a parameter of the request, and no column

    @property
    def detail(self) -> Detail:
        return Detail(self.message, field=self.field, row=self.row)


def mistakes_of(refused: BadFile) -> list[Mistake]:
    """Those that a refusal tells of."""
    details = refused.details
    if len(details) < 2:
        known = details[0] if details else Detail(refused.message)
        return [Mistake(refused.code, refused.message, known.field, known.row)]
    return [Mistake(refused.code, one.message, one.field, one.row) for one in details]


def refusal(mistakes: Sequence[Mistake], *, code: str | None = None) -> BadFile:
    """All of them at once. `code`: where another one than the first mistake's is to stand for all."""
    told = [one.message for one in mistakes[:TOLD_DETAILS]]
    if len(mistakes) > TOLD_DETAILS:
        told.append(f"And {len(mistakes) - TOLD_DETAILS} more.")
    say = [one.say for one in mistakes if one.say]
    if len(say) > 1:
        told.append(f"Say all of it at once: `{'&'.join(say)}`.")
    details = tuple(one.detail for one in mistakes)
    return BadFile(" ".join(told), code=code or mistakes[0].code, details=details)
