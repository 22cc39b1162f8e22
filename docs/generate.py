"""Write the generated sections of docs/*.md: `python -m docs.generate`. With --check: only say what is stale.

A section stands between `<!-- generated: NAME -->` and `<!-- end: NAME -->`; the text around it is written by hand.
"""

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from app.api.app import routed
from app.api.openapi import examples
from app.api.openapi.answers import operations
from app.api.openapi.shared_schemas import shown_default
from app.api.parameters import PARAMETERS, Parameter
from app.domain import events, lifecycle
from app.domain.answers import Unusable
from app.domain.events import Occurrence
from app.domain.imports import AttentionCode
from app.domain.instances import WaitingFor
from app.domain.objects import OBJECT_TYPES
from app.domain.problems import PROBLEMS
from app.reporting.metric_series import CATALOGUE
from app.settings import PREFIX, InstanceSettings, Settings, exactly, variable

DOCS = Path(__file__).parent
SECTION = re.compile(r"(<!-- generated: (?P<name>[\w-]+) -->\n).*?(<!-- end: (?P=name) -->)", re.DOTALL)
MEMBER = re.compile(r'^\s+[A-Z_]+ = "(?P<name>\w+)"  # (?P<meaning>.+)$', re.MULTILINE)
OF = {None: "all"} | {name: kind.plural for name, kind in OBJECT_TYPES.items()}


def settings() -> str:
    general = {variable(name): field for name, field in Settings.model_fields.items() if name != "instances"}
    return _settings_table(general)


def instance_settings() -> str:
    prefix = f"{PREFIX}INSTANCES__<NAME>__"
    return _settings_table({prefix + n.upper(): field for n, field in InstanceSettings.model_fields.items()})


def lifecycle_diagram() -> str:
    edges = [
        f"    {source} --> {edge.target}: {move}"
        for move, edge in lifecycle.TABLE.items()
        for source in _in_order(edge.sources)
    ]
    ends = [f"    {state} --> [*]" for state in _in_order(lifecycle.FINAL)]
    return "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> waiting", *edges, *ends, "```"])


def lifecycle_states() -> str:
    meaning = _meanings(lifecycle.PartState)
    rows = [
        (f"`{state}`", meaning[state], "yes" if state in lifecycle.AT_MARKETO else "", _leave(state))
        for state in lifecycle.PartState
    ]
    return _table(("state", "means", "holds a slot", "left by"), rows)


def lifecycle_moves() -> str:
    rows = [
        (f"`{move}`", _listed(_in_order(edge.sources)), f"`{edge.target}`", ", ".join(edge.by))
        for move, edge in lifecycle.TABLE.items()
    ]
    return _table(("move", "from", "to", "made by"), rows)


def problems() -> str:
    known = sorted(PROBLEMS.items(), key=lambda one: (one[1].status, one[0]))
    rows = [(str(problem.status), f"`{code}`", problem.title, problem.remedy) for code, problem in known]
    return _table(("status", "code", "means", "what to do"), rows)


def parameters() -> str:
    rows = [
        (f"`{name}`", OF[one.of], _default_of(one), one.means + _words(one.form)) for name, one in PARAMETERS.items()
    ]
    return _table(("name", "for", "default", "meaning"), rows)


def requests() -> str:
    rows = [
        (
            f"`{method} {path}`",
            f"`{operation['operationId']}`",
            " ".join(sorted(operation["responses"].keys() - {"500"})),
            operation["description"].split("\n")[0],
        )
        for method, path, operation in operations(routed(exactly(auth="on", instances={})).openapi())
    ]
    return _table(("request", "operation", "answers", "does"), rows)


def check_example() -> str:
    return _json(examples.FILE_CHECK)


def import_example() -> str:
    return _json(examples.IMPORT)


def part_example() -> str:
    return _json(examples.PART)


def job_example() -> str:
    return _json(examples.JOB)


def waiting_for() -> str:
    return _enum(WaitingFor, "waiting_for")


def attention_codes() -> str:
    return _enum(AttentionCode, "code")


def event_types() -> str:
    rows = [(f"`{name}`", meaning) for name, meaning in _meanings(Occurrence).items() if name in events.OF_IMPORTS]
    moves = ", ".join(f"`{move}`" for move in lifecycle.Move)
    return _table(("type", "says"), [*rows, (moves, "a part moved ([which way](lifecycle.md#moves))")])


def late_results() -> str:
    return _enum(Unusable, "because")


def instance_event_types() -> str:
    rows = [(f"`{name}`", meaning) for name, meaning in _meanings(Occurrence).items() if name in events.OF_INSTANCES]
    return _table(("type", "says"), rows)


def metrics() -> str:
    rows = [
        (f"`{one.name}`", one.kind, ", ".join(f"`{label}`" for label in one.labels), one.meaning) for one in CATALOGUE
    ]
    return _table(("metric", "type", "labels", "meaning"), rows)


SECTIONS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "instance-settings": instance_settings,
    "lifecycle-diagram": lifecycle_diagram,
    "lifecycle-states": lifecycle_states,
    "lifecycle-moves": lifecycle_moves,
    "problems": problems,
    "metrics": metrics,
    "parameters": parameters,
    "requests": requests,
    "import-example": import_example,
    "check-example": check_example,
    "part-example": part_example,
    "job-example": job_example,
    "waiting-for": waiting_for,
    "attention-codes": attention_codes,
    "event-types": event_types,
    "late-results": late_results,
    "instance-event-types": instance_event_types,
}


def renewed(page: str) -> str:
    """The page with every generated section as it should be."""
    return SECTION.sub(lambda found: f"{found[1]}{SECTIONS[found['name']]()}\n{found[3]}", page)


def stale() -> Iterator[tuple[Path, str]]:
    """Each page that differs from its source, and what it should say."""
    for path in sorted(DOCS.glob("*.md")):
        page = path.read_text(encoding="utf-8")
        if (fresh := renewed(page)) != page:
            yield path, fresh


def main(arguments: list[str]) -> int:
    pages = list(stale())
    if arguments == ["--check"]:
        for path, _ in pages:
            sys.stderr.write(f"docs/{path.name} is stale: run `make docs`\n")
        return 1 if pages else 0
    for path, fresh in pages:
        path.write_text(fresh, encoding="utf-8")
        sys.stdout.write(f"docs/{path.name} written\n")
    return 0


def _settings_table(fields: dict[str, FieldInfo]) -> str:
    rows = [(f"`{n}`", _default(f), _allowed(f), (f.description or "").replace("<", "&lt;")) for n, f in fields.items()]
    return _table(("variable", "default", "allowed", "meaning"), rows)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    return "–" if field.default is None else f"`{field.default}`"


def _allowed(field: FieldInfo) -> str:
    for option in (field.annotation, *get_args(field.annotation)):
        if get_origin(option) is Literal:
            return " · ".join(f"`{value}`" for value in get_args(option))
    signs = {"gt": ">", "ge": "≥", "le": "≤"}
    return ", ".join(
        f"{sign} {getattr(bound, name)}"
        for bound in field.metadata
        for name, sign in signs.items()
        if _is_number(getattr(bound, name, None))
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _meanings(words: type[StrEnum]) -> dict[str, str]:
    """What the comment behind each member says."""
    return {m["name"]: m["meaning"] for m in MEMBER.finditer(inspect.getsource(words))}


def _enum(words: type[StrEnum], head: str) -> str:
    return _table((head, "means"), [(f"`{name}`", meaning) for name, meaning in _meanings(words).items()])


def _json(shown: dict[str, Any]) -> str:
    """With one line for each field."""
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in shown.items())
    return f"```json\n{{\n{lines}\n}}\n```"


def _default_of(parameter: Parameter) -> str:
    if parameter.required:
        return "required"
    return "–" if parameter.default is None else f"`{shown_default(parameter.default)}`"


def _words(form: dict[str, Any]) -> str:
    if "enum" in form:
        return ": " + " · ".join(f"`{word}`" for word in form["enum"])
    if form["type"] == "integer":
        return f"; {form['minimum']} to {form['maximum']}"
    return f"; at most {form['maxLength']} characters" if "maxLength" in form else ""


def _in_order(states: frozenset[lifecycle.PartState]) -> list[lifecycle.PartState]:
    return [state for state in lifecycle.PartState if state in states]


def _leave(state: lifecycle.PartState) -> str:
    return _listed([move for move, edge in lifecycle.TABLE.items() if state in edge.sources]) or "nothing: final"


def _listed(names: list[Any]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *(tuple(c.replace("|", r"\|") for c in row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
