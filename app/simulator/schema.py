"""The simulated instance's fields, custom objects, programs, lists and partitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.simulator.rules import Rules

# What an import of leads may look records up by, besides custom fields of LOOKUP_TYPES.
# Adobe, "Bulk lead import" and the API's description file, read 2026-08.
STANDARD_LOOKUPS = (
    "id", "cookies", "email", "twitterId", "facebookId", "linkedInId",
    "sfdcAccountId", "sfdcContactId", "sfdcLeadId", "sfdcLeadOwnerId", "sfdcOpptyId",
)  # fmt: skip
LOOKUP_TYPES = ("string", "email", "integer")


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its REST name, the name people see (and reasons quote), its type."""

    name: str
    display_name: str
    type: str = "string"
    custom: bool = False
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A custom object's field that must name an existing lead by one of the lead's fields."""

    field: str
    lead_field: str


@dataclass(frozen=True, slots=True)
class CustomObject:
    name: str
    display_name: str
    dedupe_fields: tuple[str, ...]
    fields: tuple[Field, ...]
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    id: int
    name: str
    channel: str


LEAD_FIELDS = (
    Field("id", "Id", "integer", read_only=True),
    Field("email", "Email Address", "email"),
    Field("firstName", "First Name"),
    Field("lastName", "Last Name"),
    Field("company", "Company Name"),
    Field("title", "Job Title"),
    Field("phone", "Phone Number", "phone"),
    Field("leadScore", "Lead Score", "integer"),
    Field("unsubscribed", "Unsubscribed", "boolean"),
    Field("dateOfBirth", "Date of Birth", "date"),
    Field("website", "Website", "url"),
    Field("industry", "Industry"),
    Field("city", "City"),
    Field("country", "Country"),
    Field("importRowKey", "Import Row Key", custom=True),
    *(Field(name, name) for name in STANDARD_LOOKUPS if name not in ("id", "email")),
    Field("createdAt", "Created At", "datetime", read_only=True),
    Field("updatedAt", "Updated At", "datetime", read_only=True),
)

MEMBER_FIELDS = (
    Field("leadId", "Lead Id", "integer", read_only=True),
    Field("programId", "Program Id", "integer", read_only=True),
    Field("statusName", "Program Status", read_only=True),
    Field("membershipDate", "Membership Date", "datetime", read_only=True),
    Field("registrationCode", "Registration Code", custom=True),
    Field("attendeeNote", "Attendee Note", "text", custom=True),
)

CAR = CustomObject(
    "car_c",
    "Car",
    dedupe_fields=("vin",),
    fields=(
        Field("color", "Color"),
        Field("make", "Make"),
        Field("model", "Model"),
        Field("vin", "VIN"),
        Field("year", "Year", "integer"),
        Field("ownerEmail", "Owner Email", "email"),
    ),
    links=(Link("ownerEmail", "email"),),
)


@dataclass(frozen=True, slots=True)
class Schema:
    """All the instance knows by name. `lead`, and the values of `objects` by lower-cased API name."""

    lead: tuple[Field, ...] = LEAD_FIELDS
    member: tuple[Field, ...] = MEMBER_FIELDS
    objects: Mapping[str, CustomObject] = field(default_factory=lambda: {"car_c": CAR})
    programs: Mapping[int, Program] = field(
        default_factory=lambda: {
            1001: Program(1001, "Spring Webinar", "Webinar"),
            1002: Program(1002, "Summer Trade Show", "Tradeshow"),
            1003: Program(1003, "Newsletter", "Email Send"),
        }
    )
    channels: tuple[str, ...] = ("Webinar", "Tradeshow", "Email Send")
    statuses: tuple[str, ...] = ("On List", "Invited", "Registered", "Attended")
    lists: Mapping[int, str] = field(
        default_factory=lambda: {number: f"Static List {number}" for number in range(1, 21)}
    )
    partitions: tuple[str, ...] = ("Default", "Europe")

    def lookup_fields(self) -> set[str]:
        custom = {f.name for f in self.lead if f.custom and f.type in LOOKUP_TYPES}
        return custom | set(STANDARD_LOOKUPS)


def by_lower_name(fields: tuple[Field, ...]) -> dict[str, Field]:
    """Marketo is lax about the case of a header (seen 2022: `EmAiL` works, at least usually)."""
    return {f.name.lower(): f for f in fields}


def build_schema(rules: Rules) -> Schema:
    """The instance as it comes, with what the rules add to it."""
    objects = [CAR, *map(_custom_object, rules.custom_objects)]
    added = tuple(_lead_field(text) for text in rules.lead_fields)
    return Schema(lead=LEAD_FIELDS + added, objects={o.name.lower(): o for o in objects})


def _lead_field(text: str) -> Field:
    name, _, type_ = text.partition(":")
    if not name.isidentifier():
        raise ValueError(f"lead field {text!r}: write name or name:type")
    return Field(name, _spaced(name), type_ or "string", custom=True)


def _custom_object(text: str) -> CustomObject:
    pieces = [piece.strip() for piece in text.split(":")]
    if len(pieces) != 3 or not all(pieces):
        raise ValueError(f"custom object {text!r}: write name:dedupeField,…:field,…")
    name, dedupe, fields = pieces[0], pieces[1].split(","), pieces[2].split(",")
    return CustomObject(
        name,
        _spaced(name.removesuffix("_c")),
        dedupe_fields=tuple(dedupe),
        fields=tuple(Field(f, _spaced(f)) for f in dict.fromkeys(dedupe + fields)),
    )


def _spaced(name: str) -> str:
    """`accountTier` as people would see it: Account Tier."""
    spaced = "".join(f" {letter}" if letter.isupper() else letter for letter in name)
    return spaced[:1].upper() + spaced[1:]
