"""Describe: what Marketo says of an object's fields. Asked once a day, and nobody waits long for it.

That it cannot be asked is no reason to refuse a file; that it says there is no such object is one.
"""

import asyncio
import difflib
import math
from dataclasses import dataclass, field

import structlog

from app.clock import Clock
from app.domain.answers import Description, QueryFailed
from app.domain.errors import BadParameter, Detail
from app.domain.failpoints import Failpoint, FailpointHit
from app.domain.objects import Target, ValueKind
from app.domain.timeouts import DESCRIBE_AGAIN_SECONDS, DESCRIBE_AGE_SECONDS, DESCRIBE_WAIT_SECONDS
from app.marketo.client import Marketo
from app.marketo.codes import UNKNOWN_OBJECT
from app.store import counters, descriptions
from app.store.database import Database

log = structlog.get_logger()


KNOWN_OBJECTS = 200  # names come from callers, and a description may have thousands of fields
LISTED = 50  # objects that a sentence lists
NAME_LETTERS = 100


@dataclass(slots=True)
class _Object:
    """What is known of one object."""

    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    said: Description | None = None
    said_at: float = -math.inf  # by the monotonic clock, as is the other
    asked_at: float = -math.inf
    denied_at: float = -math.inf  # Marketo said that there is none


@dataclass(slots=True)
class Describe:
    """Knows the fields of one instance's objects."""

    instance: str
    db: Database
    marketo: Marketo
    now: Clock
    hit: FailpointHit
    _objects: dict[str, _Object] = field(default_factory=dict)
    _names: tuple[str, ...] = ()  # of the custom objects that there are
    _names_asked_at: float = -math.inf

    async def fields_of(self, target: Target) -> Description | None:
        """The newest description there is, asked for anew where it is older than a day.

        None where nobody has ever been told. Network: at most one describe, and that not twice in a minute.
        """
        return (await self._known(target, age_seconds=DESCRIBE_AGE_SECONDS)).said

    async def fields_now(self, target: Target) -> Description | None:
        """What Marketo said within the last minute. None where it cannot be asked. Network: as `fields_of`."""
        known = await self._known(target, age_seconds=DESCRIBE_AGAIN_SECONDS)
        return known.said if self._is_younger(known, DESCRIBE_AGAIN_SECONDS) else None

    async def refuse_unknown(self, target: Target) -> None:
        """Errors: BadParameter unknown_object, where Marketo said within the last minute that it has no such object.

        Network: at most one list of objects, and that not twice in a minute.
        """
        path = target.objects_path
        if path is None:
            return
        old = self.now.monotonic() - DESCRIBE_AGAIN_SECONDS
        if self._object(target.described_as).denied_at <= old:
            return
        if self._names_asked_at <= old:
            self._names_asked_at = self.now.monotonic()
            self._names = await self._listed(path)
        raise _no_such_object(target, self._names)

    async def _listed(self, path: str) -> tuple[str, ...]:
        """The names of the objects that there are; none where Marketo cannot be asked for them."""
        try:
            async with asyncio.timeout(DESCRIBE_WAIT_SECONDS):
                said = await self.marketo.objects(path)
        except TimeoutError:
            said = ()
        async with self.marketo.answers.handed_on() as answers, self.db.write() as tx:
            counters.add_answers(tx, self.instance, answers)
        return () if isinstance(said, QueryFailed) else said

    async def _known(self, target: Target, *, age_seconds: float) -> _Object:
        """What is known of the target's object, asked for anew where that is older."""
        name = target.described_as
        known = self._object(name)
        if not self._is_younger(known, age_seconds):
            async with known.one_at_a_time:
                if not self._is_younger(known, age_seconds):
                    await self._remember(name, known)
                if not self._is_younger(known, age_seconds):
                    await self._ask(target, known)
        return known

    def _is_younger(self, known: _Object, age_seconds: float) -> bool:
        return self.now.monotonic() - known.said_at < age_seconds

    def _object(self, name: str) -> _Object:
        """What was asked for longest ago is forgotten first."""
        known = self._objects.pop(name) if name in self._objects else _Object()
        self._objects[name] = known
        if len(self._objects) > KNOWN_OBJECTS:
            del self._objects[next(iter(self._objects))]
        return known

    async def _remember(self, name: str, known: _Object) -> None:
        """Another process may have asked."""
        async with self.db.read() as tx:
            found = await descriptions.get(tx, self.instance, name)
        if found:
            known.said, fetched_at = found
            known.said_at = self.now.monotonic() - max(0.0, (self.now() - fetched_at).total_seconds())

    async def _ask(self, target: Target, known: _Object) -> None:
        name, asked_at = target.described_as, self.now.monotonic()
        if asked_at - known.asked_at < DESCRIBE_AGAIN_SECONDS:
            return
        known.asked_at = asked_at
        try:
            async with asyncio.timeout(DESCRIBE_WAIT_SECONDS):
                said = await self.marketo.describe(target)
        except TimeoutError:
            said = QueryFailed(f"no answer within {DESCRIBE_WAIT_SECONDS} seconds")
        async with self.marketo.answers.handed_on() as answers, self.db.write() as tx:
            counters.add_answers(tx, self.instance, answers)
            if isinstance(said, Description):
                await descriptions.keep(tx, self.instance, name, said, at=self.now.moment(asked_at))
        known.denied_at = asked_at if isinstance(said, QueryFailed) and said.code == UNKNOWN_OBJECT else -math.inf
        if isinstance(said, QueryFailed):
            log.warning("no description", instance=self.instance, object=name, why=said.why)
            return
        self.hit(Failpoint.DESCRIBED)
        known.said, known.said_at = said, asked_at


def _no_such_object(target: Target, names: tuple[str, ...]) -> BadParameter:
    name = target.object_name_at_marketo or ""
    near = difflib.get_close_matches(name[:NAME_LETTERS], names[:KNOWN_OBJECTS], 1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(sorted(names)[:LISTED])
    told = f"Marketo has no {target.object_type.replace('_', ' ')} {name!r}.{meant}"
    use = f"use one of: {listed}" if listed else "use the API name of one that it has"
    named_by = next(name for name, one in target.parameters().items() if one.kind is ValueKind.API_NAME)
    return BadParameter(
        f"{told} {use[0].upper()}{use[1:]}.", code="unknown_object", details=(Detail(use, field=named_by),)
    )
