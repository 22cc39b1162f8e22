"""The list of commands, each with the module that it is loaded from when somebody runs it.

The service's own libraries take a second and a half to import, and `sluice` starts anew at each press of the Tab key.
So `sluice --help` and the completion of a command's name import no command at all, and a command imports only what it
uses itself, at the top of its module. The edge from `sluice` to its commands is in this list, and nowhere else.
"""

import importlib
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperGroup


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    path: str  # module:function; a group of commands is a Typer app instead of a function
    summary: str  # the first line of its docstring, word for word: a test holds that


COMMANDS = (
    Command("serve", "app.cli.serve:serve", "Run the service: API and scheduler in one process, or one of them."),
    Command(
        "health",
        "app.cli.health:health",
        "Tell whether the processes of `sluice serve` and `sluice simulate` here answer. Exits 1 if one does not.",
    ),
    Command("migrate", "app.cli.migrate:migrate", "Bring the database's schema up to date."),
    Command(
        "simulate",
        "app.cli.simulate:simulate",
        "Run a local Marketo to practise on, with its limits and, on order, its bad days.",
    ),
    Command(
        "demo",
        "app.cli.demo:demo",
        "Run the main job end to end: sample files through the service into a simulated Marketo.",
    ),
    Command(
        "check",
        "app.cli.check:check",
        "Tell what is wrong with a file, and odd about its rows, without sending it. Exits 1 if it would be refused.",
    ),
    Command(
        "submit",
        "app.cli.submit:submit",
        "Upload a file to a running service (SLUICE_URL, SLUICE_API_KEY). A .gz or .zst file is sent as it is.",
    ),
    Command("list", "app.cli.listing:list_", "List imports, the newest first."),
    Command(
        "status",
        "app.cli.reading:status",
        "Show how the service is doing, what is under way and each instance; or one import with its parts.",
    ),
    Command("events", "app.cli.listing:events", "Show the history of an import, the oldest event first."),
    Command(
        "jobs",
        "app.cli.jobs:jobs",
        "Show the jobs of a Marketo instance, the newest first: what one submission took along, and what came of it.",
    ),
    Command(
        "failures",
        "app.cli.reading:failures",
        "Print the rows that Marketo rejected, in the import's own format, with reason and source row.",
    ),
    Command("cancel", "app.cli.actions:cancel", "Cancel what still waits; what Marketo already has runs to its end."),
    Command(
        "release",
        "app.cli.actions:release",
        "Let an import go that was submitted with --review: it is sent when its turn comes.",
    ),
    Command(
        "retry",
        "app.cli.retry:retry",
        "Send again what an import left behind, as a new import: the rows of its failed and cancelled parts.",
    ),
    Command("resolve", "app.cli.actions:resolve", "Decide an unconfirmed part, once you have looked in Marketo."),
    Command(
        "give-up",
        "app.cli.actions:give_up",
        "Give up a part that Marketo has, or may have, and of which nothing more is expected: it has failed.",
    ),
    Command(
        "pause",
        "app.cli.actions:pause",
        "Send nothing new to a Marketo instance; what is there is followed to its end.",
    ),
    Command(
        "resume", "app.cli.actions:resume", "Let a paused Marketo instance go on; a blocked one is tried again at once."
    ),
    Command(
        "settings",
        "app.cli.settings:settings",
        "Show every setting, its value (secrets masked) and where it comes from.",
    ),
    Command(
        "check-database",
        "app.cli.check_database:check_database",
        "Hold every stored file, key and result file against its checksum. Changes nothing; exits 1 if one is corrupt.",
    ),
    Command(
        "backup",
        "app.cli.backup:backup",
        "Copy a SQLite database while it is served. The copy is checked, is of one moment, and is for its owner alone.",
    ),
    Command(
        "restored",
        "app.cli.restored:restored",
        "Say that the database is a back-up: what may have been sent since then waits for a person.",
    ),
    Command(
        "rekey",
        "app.cli.rekey:rekey",
        "Encrypt what is stored as SLUICE_ENCRYPTION_KEYS says now, while the service works. It can be run again.",
    ),
    Command("webhooks", "app.cli.webhooks:app", "Webhooks: be told what happens, instead of asking."),
    Command("keys", "app.cli.keys:app", "API keys: who may call, and what."),
)


def load_command(command: Command) -> Any:
    """The command itself, as Typer runs it."""
    module, _, name = command.path.partition(":")
    loaded = getattr(importlib.import_module(module), name)
    if isinstance(loaded, typer.Typer):
        return typer.main.get_command(loaded)
    app = typer.Typer(add_completion=False)
    app.command(command.name)(loaded)
    return typer.main.get_command(app)


class LazyGroup(TyperGroup):
    """A group whose commands are placeholders with a name and a summary; the one that is run is loaded."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, placeholder, rest = super().resolve_command(ctx, args)
        command = next((command for command in COMMANDS if command.name == name), None)
        return name, load_command(command) if command else placeholder, rest
