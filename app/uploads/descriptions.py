"""Describe: the fields of an object as Marketo describes them. Marketo is asked once a day, and nobody waits long.

A file is not refused because Marketo cannot be asked. It is refused where Marketo says that there is no such object.
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
    description: Description | None = None
    described_at: float = -math.inf  # by the monotonic clock, as is the other
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
        return (await self._looked_up(target, age_seconds=DESCRIBE_AGE_SECONDS)).description

    async def fields_now(self, target: Target) -> Description | None:
        """What Marketo said within the last minute. None where it cannot be asked. Network: as `fields_of`."""
        object_ = await self._looked_up(target, age_seconds=DESCRIBE_AGAIN_SECONDS)
        return object_.description if self._is_younger(object_, DESCRIBE_AGAIN_SECONDS) else None

    async def refuse_unknown(self, target: Target) -> None:
        """Errors: BadParameter unknown_object, where Marketo said within the last minute that it has no such object.

        Network: at most one list of objects, and that not twice in a minute.
        """
        if target.objects_path is None:
            return
        if self._object(target.described_as).denied_at <= self.now.monotonic() - DESCRIBE_AGAIN_SECONDS:
            return
        raise _no_such_object(target, await self.object_names(type(target)))

    async def object_names(self, kind: type[Target]) -> tuple[str, ...]:
        """The API names of a type's objects; none where there is just one, or where Marketo cannot be asked.

        Network: at most one list of objects, and that not twice in a minute.
        """
        if kind.objects_path is None:
            return ()
        if self._names_asked_at <= self.now.monotonic() - DESCRIBE_AGAIN_SECONDS:
            self._names_asked_at = self.now.monotonic()
            self._names = await self._listed(kind.objects_path)
        return self._names

    async def _listed(self, path: str) -> tuple[str, ...]:
        """The names of the objects that there are; none where Marketo cannot be asked for them."""
        try:
            async with asyncio.timeout(DESCRIBE_WAIT_SECONDS):
                names = await self.marketo.objects(path)
        except TimeoutError:
            names = ()
        async with self.marketo.answers.handed_on() as answers, self.db.write() as tx:
            counters.add_answers(tx, self.instance, answers)
        return () if isinstance(names, QueryFailed) else names

    async def _looked_up(self, target: Target, *, age_seconds: float) -> _Object:
        """What is known of the target's object, asked for anew where that is older."""
        name = target.described_as
        object_ = self._object(name)
        if not self._is_younger(object_, age_seconds):
            async with object_.one_at_a_time:
                if not self._is_younger(object_, age_seconds):
                    await self._remember(name, object_)
                if not self._is_younger(object_, age_seconds):
                    await self._ask(target, object_)
        return object_

    def _is_younger(self, object_: _Object, age_seconds: float) -> bool:
        return self.now.monotonic() - object_.described_at < age_seconds

    def _object(self, name: str) -> _Object:
        """What was asked for longest ago is forgotten first."""
        object_ = self._objects.pop(name) if name in self._objects else _Object()
        self._objects[name] = object_
        if len(self._objects) > KNOWN_OBJECTS:
            del self._objects[next(iter(self._objects))]
        return object_

    async def _remember(self, name: str, object_: _Object) -> None:
        """Another process may have asked."""
        async with self.db.read() as tx:
            stored = await descriptions.get(tx, self.instance, name)
        if stored:
            object_.description, fetched_at = stored
            object_.described_at = self.now.monotonic() - max(0.0, (self.now() - fetched_at).total_seconds())

    async def _ask(self, target: Target, object_: _Object) -> None:
        name, asked_at = target.described_as, self.now.monotonic()
        if asked_at - object_.asked_at < DESCRIBE_AGAIN_SECONDS:
            return
        object_.asked_at = asked_at
        try:
            async with asyncio.timeout(DESCRIBE_WAIT_SECONDS):
                answer = await self.marketo.describe(target)
        except TimeoutError:
            answer = QueryFailed(f"no answer within {DESCRIBE_WAIT_SECONDS} seconds")
        async with self.marketo.answers.handed_on() as answers, self.db.write() as tx:
            counters.add_answers(tx, self.instance, answers)
            if isinstance(answer, Description):
                await descriptions.keep(tx, self.instance, name, answer, at=self.now.moment(asked_at))
        object_.denied_at = asked_at if isinstance(answer, QueryFailed) and answer.code == UNKNOWN_OBJECT else -math.inf
        if isinstance(answer, QueryFailed):
            log.warning("no description", instance=self.instance, object=name, why=answer.why)
            return
        self.hit(Failpoint.DESCRIBED)
        object_.description, object_.described_at = answer, asked_at


def _no_such_object(target: Target, names: tuple[str, ...]) -> BadParameter:
    name = target.object_name_at_marketo or ""
    near = difflib.get_close_matches(name[:NAME_LETTERS], names[:KNOWN_OBJECTS], 1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(sorted(names)[:LISTED])
    sentence = f"Marketo has no {target.object_type.replace('_', ' ')} {name!r}.{meant}"
    use = f"use one of: {listed}" if listed else "use the API name of one that it has"
    named_by = next(name for name, parameter in target.parameters().items() if parameter.kind is ValueKind.API_NAME)
    return BadParameter(
        f"{sentence} {use[0].upper()}{use[1:]}.", code="unknown_object", details=(Detail(use, field=named_by),)
    )
