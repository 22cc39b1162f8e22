"""Every setting, with its unit and its reason. Nothing else in the service reads the environment.

The module is long because it is the one list of settings, from which docs/operating.md and `sluice settings` are made.
"""

import importlib
import ipaddress
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AnyHttpUrl,
    BaseModel,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as NotJson

from app.encryption.keyring import read_keys
from app.masking import masked_database_url, masked_url

PREFIX = "SLUICE_"
ENV_FILE = ".env"
OUTSIDE = frozenset({"SLUICE_SECRETS_DIR", "SLUICE_TEST_POSTGRES_URL"})  # known variables without a field of Settings
TRANSPORTS = frozenset({"TCP", "UDP", "SCTP"})  # of a Service of Kubernetes
OTLP_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
OTLP_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
OTLP_EXPORTERS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}  # entry points, by protocol
UNKNOWN = "no such setting (see `sluice settings`)"

Seconds = Annotated[float, Field(gt=0)]


class SettingsError(Exception):
    """The configuration cannot be used. One line for each thing to mend."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


Url = Annotated[str, BeforeValidator(lambda value: str(AnyHttpUrl(str(value))).rstrip("/"))]


class InstanceSettings(BaseModel, extra="forbid", frozen=True):
    """One Marketo subscription."""

    base_url: Url = Field(description="https://<munchkinId>.mktorest.com; a trailing /rest or / is tolerated")
    identity_url: Url | None = Field(
        default=None, description="where tokens come from; BASE_URL + /identity when unset"
    )
    client_id: str = Field(min_length=1, description="of the Marketo custom service")
    client_secret: SecretStr = Field(description="of the Marketo custom service")
    max_importing: int = Field(default=2, ge=1, le=2, description="jobs that Marketo imports at once")
    max_queued: int = Field(default=10, ge=1, le=10, description="jobs that Marketo keeps, those importing included")
    calls_per_window: int = Field(default=50, ge=1, le=100, description="our share of Marketo's 100 calls a window")
    window_seconds: Seconds = Field(default=20, description="length of Marketo's sliding call window")
    concurrent_calls: int = Field(default=5, ge=1, le=10, description="our share of Marketo's 10 calls at once")
    daily_calls: int = Field(
        default=50_000, ge=1, description="our share of the daily quota, which resets at midnight US Central"
    )

    @field_validator("base_url")
    @classmethod
    def without_rest(cls, value: str) -> str:
        return value.removesuffix("/rest").rstrip("/")

    @property
    def identity(self) -> str:
        return self.identity_url or f"{self.base_url}/identity"

    @property
    def in_clear(self) -> dict[str, str]:
        """The URLs to which credentials and rows would go unencrypted over a network, by the setting's name."""
        urls = {"base_url": self.base_url, "identity_url": self.identity_url}
        return {name: url for name, url in urls.items() if url and _is_in_clear(url)}


class _Environment(EnvSettingsSource):
    """Reads the variables of the environment, without those that Kubernetes puts there for its Services."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls)
        of_services = {name.lower() for name in _service_links(os.environ)}
        self.env_vars = {name: value for name, value in self.env_vars.items() if name.lower() not in of_services}


class _SecretFiles(EnvSettingsSource):
    """Reads the files of the secrets directory as if they were variables of the environment.

    The library's own readers of secrets do not nest, or read every file below the directory, text or not.
    """

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls)
        self.env_vars = {name.lower(): value for name, value in _secrets().items() if value}


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=ENV_FILE,
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
    )
    origins: ClassVar[Mapping[str, type[EnvSettingsSource]]] = {  # the first wins
        "environment": _Environment,
        ".env": DotEnvSettingsSource,
        "secrets directory": _SecretFiles,
    }

    database_url: str = Field(
        default="sqlite:///sluice.db", description="sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DB"
    )
    auth: Literal["on", "off"] = Field(default="on", description="off serves without keys, and only on loopback")
    encryption_keys: SecretStr | None = Field(
        default=None,
        description="data at rest: keys of 32 bytes in base64, comma-separated; the first one writes, all read. "
        "`clear` in the first place: what is new is written unencrypted, and the keys behind it read",
    )
    metrics_auth: Literal["on", "off"] = Field(
        default="off", description="on asks for a key with the scope read at /metrics too"
    )
    host: str = Field(default="127.0.0.1", description="where the API listens")
    port: int = Field(default=8000, ge=0, le=65535, description="where the API listens; 0 takes a free port")
    log_format: Literal["console", "json"] | None = Field(default=None, description="console on a terminal, else json")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="the least level that is logged"
    )
    instances: dict[str, InstanceSettings] = Field(
        default_factory=dict, description="the Marketo subscriptions, by name"
    )
    part_bytes: int = Field(
        default=9_900_000,
        ge=1_000,
        le=10_000_000,
        description="the largest request body sent to Marketo, multipart envelope included",
    )
    max_file_bytes: int = Field(default=10_737_418_240, ge=1, description="the largest upload, after decompression")
    backlog_parts: int = Field(default=100_000, ge=1, description="waiting parts at which new uploads get 429")
    client_backlog_parts: int = Field(
        default=50_000, ge=1, description="waiting parts of one client at which its new uploads get 429"
    )
    client_requests_per_minute: int = Field(
        default=30_000, ge=1, description="requests of one client to one process, beyond which it gets 429"
    )
    uploads: int = Field(
        default=16, ge=1, description="uploads under way at once in one process; others wait for a moment, then get 429"
    )
    client_uploads: int = Field(default=8, ge=1, description="of these, one client's")
    upload_idle_seconds: Seconds = Field(
        default=30, description="how long nothing may come of a body before its upload is given up"
    )
    upload_least_bytes_per_second: float = Field(
        default=1_000, ge=0, description="what has to come of a body in the long run, or its upload is given up"
    )
    keep_alive_seconds: Seconds = Field(
        default=75,
        description="how long an idle connection is kept: longer than load balancers keep theirs, which is 60 mostly",
    )
    session_seconds: Seconds = Field(default=43_200, description="how long a sign-in to the pages lasts")
    trusted_proxies: str = Field(
        default="127.0.0.1",
        description="whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses and networks, "
        "comma-separated; * for everybody's",
    )
    webhook_http: Literal["on", "off"] = Field(
        default="off", description="on lets webhooks point to plain http:// addresses too"
    )
    webhook_networks: str = Field(
        default="default",
        description="where webhooks may point: networks, comma-separated; default is every address but loopback, "
        "link-local, multicast and metadata, which have to be named",
    )
    client_streams: int = Field(
        default=100, ge=1, description="streams of events, waits and downloads that one client has open at one process"
    )
    connections: int = Field(
        default=1_000,
        ge=1,
        description="connections of callers to one process; beyond, one that works for nobody known makes room",
    )
    disk_floor_bytes: int = Field(default=1_073_741_824, ge=0, description="free space under which uploads get 507")
    tick_seconds: Seconds = Field(
        default=1, description="how often the scheduler looks for work; a new import wakes it at once"
    )
    bundle_seconds: float = Field(
        default=20,
        ge=0,
        le=86_400,
        description="a job takes no further parts along once Marketo is thought to work on its rows for so long; "
        "0 bundles nothing",
    )
    poll_min_seconds: Seconds = Field(
        default=5,
        description="Marketo's recommended polling range: the least wait between two looks at a job",
    )
    poll_max_seconds: Seconds = Field(
        default=30,
        description="Marketo's recommended polling range: the longest wait between two looks at a job",
    )
    retry_base_seconds: Seconds = Field(
        default=5, description="first step of the exponential back-off with full jitter"
    )
    retry_max_seconds: Seconds = Field(default=300, description="longest step of the back-off")
    unconfirmed_settle_seconds: Seconds = Field(
        default=900,
        description="how long a lost answer's possible job is given to finish before it is sent again",
    )
    stuck_seconds: Seconds = Field(
        default=21_600,
        description="a part at Marketo for longer, or queued there while nothing moves, gets attention: stuck",
    )
    call_timeout_seconds: Seconds = Field(default=30, description="the longest a status or result call may take")
    upload_timeout_seconds: Seconds = Field(default=600, description="the longest a submission may take")
    lease_seconds: Seconds = Field(default=30, description="how long a worker holds an instance without a sign of life")
    shutdown_seconds: Seconds = Field(default=30, description="how long SIGTERM waits for calls under way")
    file_retention_days: float = Field(
        default=7, gt=0, description="how long uploaded rows are kept after the import finished"
    )
    result_retention_days: float = Field(default=30, gt=0, description="how long failures and warnings are kept")
    history_retention_days: float = Field(default=90, gt=0, description="how long everything else is kept")
    url: Url = Field(
        default="http://127.0.0.1:8000",
        description="the running service that the commands speak to, from submit to resume",
    )
    api_key: SecretStr | None = Field(default=None, description="the key that those commands send")

    @field_validator("instances")
    @classmethod
    def names_are_plain(cls, value: dict[str, InstanceSettings]) -> dict[str, InstanceSettings]:
        for name in value:
            if not name.replace("_", "").replace("-", "").isalnum():
                raise ValueError(f"instance name {name!r}: use letters, digits, - and _ only")
        return {name.lower(): settings for name, settings in value.items()}

    @field_validator("database_url")
    @classmethod
    def is_a_known_database(cls, value: str) -> str:
        """The error quotes nothing of the URL: any part of it may belong to the password."""
        file = value.removeprefix("sqlite:///")
        if file not in {"", value} and "?" not in file:
            return value
        if value.startswith(("postgresql://", "postgres://")) and _names_a_database(value):
            return value
        raise ValueError(
            "use sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DB; in user and password write what is neither "
            "a letter nor a digit as %XX (@ is %40, / is %2F, ? is %3F, # is %23)"
        )

    @field_validator("encryption_keys")
    @classmethod
    def are_keys(cls, value: SecretStr | None) -> SecretStr | None:
        """The error quotes nothing of a key."""
        if value is not None:
            read_keys(value.get_secret_value())
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def are_addresses(cls, value: str) -> str:
        addresses = [address.strip() for address in value.split(",")]
        for address in addresses:
            if address != "*":
                try:
                    ipaddress.ip_network(address)
                except ValueError:
                    raise ValueError(
                        f"{address!r} is no address, like 10.1.2.3, and no network, like 10.0.0.0/8"
                    ) from None
        return "*" if "*" in addresses else ",".join(addresses)

    @field_validator("webhook_networks")
    @classmethod
    def are_networks(cls, value: str) -> str:
        networks = [network.strip() for network in value.split(",")]
        for network in networks:
            try:
                _ = network == "default" or ipaddress.ip_network(network)
            except ValueError:
                raise ValueError(f"{network!r} is neither a network, like 10.0.0.0/8, nor the word default") from None
        return ",".join(networks)

    @model_validator(mode="after")
    def polls_in_order(self) -> Self:
        if self.poll_min_seconds > self.poll_max_seconds:
            raise ValueError("SLUICE_POLL_MIN_SECONDS is larger than SLUICE_POLL_MAX_SECONDS")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, *(source(settings_cls) for source in cls.origins.values()))

    @property
    def on_loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def on_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")


class _Exactly(Settings):
    origins = {}


def exactly(**values: object) -> Settings:
    """Settings that ignore the environment: for the demo, which must run the same everywhere, and for tests."""
    return _Exactly(**values)  # type: ignore[arg-type]


def load(**overrides: object) -> Settings:
    """The settings from the environment, `.env` and the secrets directory. Errors: SettingsError."""
    lines = [f"{name}: {UNKNOWN}" for name in sorted(_names_given()) if _is_stray(name)]
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        complaints = [_line(e["loc"], UNKNOWN if e["type"] == "extra_forbidden" else e["msg"]) for e in error.errors()]
        raise SettingsError(lines + complaints) from None
    except NotJson as error:
        name = str(error).split('"')[1] if '"' in str(error) else "settings"
        raise SettingsError([*lines, f"{variable(name)}: is not JSON; set it variable by variable instead"]) from None
    if lines:
        raise SettingsError(lines)
    return settings


def sources(settings: Settings) -> list[tuple[str, str, str]]:
    """(variable, value with secrets masked, its source), in the order of the class."""
    values = {
        variable(name): _shown(name, getattr(settings, name)) for name in Settings.model_fields if name != "instances"
    }
    for instance, knobs in settings.instances.items():
        for knob in InstanceSettings.model_fields:
            values[variable(f"instances__{instance}__{knob}")] = _shown(knob, getattr(knobs, knob))
    origins = {where: set(_variables(source(Settings)())) for where, source in Settings.origins.items()}
    return [
        (name, value, next((where for where, names in origins.items() if name in names), "default"))
        for name, value in values.items()
    ]


def _is_in_clear(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def variable(field: str) -> str:
    return PREFIX + field.upper()


def _secrets() -> dict[str, str]:
    """The contents of the secrets directory's files, by variable. Links are followed. Errors: SettingsError."""
    directory = os.environ.get("SLUICE_SECRETS_DIR")
    if not directory:
        return {}
    if not Path(directory).is_dir():
        raise SettingsError([f"SLUICE_SECRETS_DIR: {directory} is not a directory"])
    secrets: dict[str, str] = {}
    lines = []
    for path in _our_files(Path(directory)):
        name = path.name.upper()
        try:
            secrets[name] = path.read_text("utf-8").strip()
        except OSError as error:
            lines.append(f"{name}: its file cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            lines.append(f"{name}: its file is not UTF-8")
    if lines:
        raise SettingsError(lines)
    return secrets


def _our_files(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.name.upper().startswith(PREFIX))
    except OSError as error:
        raise SettingsError([f"SLUICE_SECRETS_DIR: {directory} cannot be read: {error.strerror}"]) from None


def _names_given() -> set[str]:
    """The names of all variables, wherever they are set."""
    ours = set(os.environ) - _service_links(os.environ)
    return {name.upper() for name in (*ours, *dotenv_values(ENV_FILE), *_secrets())}


def trace_exporters() -> tuple[str, ...]:
    """The exporters of traces that OpenTelemetry's own variables ask for, by their entry points; none: they are off.

    As its specification has it, but that traces are off where nothing is said of them at all.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return ()
    has_endpoint = any(os.environ.get(name) for name in OTLP_ENDPOINTS)
    names = os.environ.get("OTEL_TRACES_EXPORTER") or ("otlp" if has_endpoint else "none")
    protocol = next(filter(None, map(os.environ.get, OTLP_PROTOCOLS)), "http/protobuf")
    otlp = OTLP_EXPORTERS.get(protocol, protocol)
    asked_for = [name.strip() for name in names.split(",")]
    return tuple(otlp if name == "otlp" else name for name in asked_for if name not in {"", "none"})


def _service_links(environment: Mapping[str, str]) -> set[str]:
    """The variables that Kubernetes sets in every pod for each Service whose name begins with `sluice`.

    A Service `sluice` brings SLUICE_PORT=tcp://10.0.0.1:8000, SLUICE_SERVICE_HOST, SLUICE_PORT_8000_TCP=tcp://… and
    more of that kind; a Service `sluice-api` the same with SLUICE_API_. Only a whole family is taken for one; a
    SLUICE_PORT that somebody has set himself is a setting beside it.
    Source: Kubernetes, "Service", Environment variables, read 2026-11.
    """
    addresses = {name for name, value in environment.items() if _is_address(value)}
    families = {family for family in map(_family_of, addresses) if f"{family}_SERVICE_HOST" in environment}
    beginnings = tuple(f"{family}_{word}_" for family in families for word in ("SERVICE", "PORT"))
    return {name for name in environment if name.startswith(beginnings)} | {
        f"{family}_PORT" for family in families if f"{family}_PORT" in addresses
    }


def _family_of(name: str) -> str | None:
    """SLUICE_API of SLUICE_API_PORT_8000_TCP; None for what is no address of a Service of ours."""
    *family, port, number, transport = name.split("_") if name.count("_") >= 3 else ("", "", "", "")
    is_address = port == "PORT" and number.isascii() and number.isdigit() and transport in TRANSPORTS
    return "_".join(family) if is_address and family[0] == PREFIX.rstrip("_") else None


def _is_address(value: str) -> bool:
    return value.startswith(("tcp://", "udp://", "sctp://"))


def _is_stray(name: str) -> bool:
    field = name.removeprefix(PREFIX).lower()
    is_known = field in Settings.model_fields or field.startswith("instances__") or name in OUTSIDE
    return name.startswith(PREFIX) and not is_known


def _line(location: tuple[int | str, ...], message: str) -> str:
    name = PREFIX + "__".join(str(step).upper() for step in location) if location else "settings"
    return f"{name}: {message.removeprefix('Value error, ')}"


def _variables(values: Mapping[str, Any], prefix: str = PREFIX) -> Iterator[str]:
    """The variable by which each value, however nested, could be set."""
    for key, value in values.items():
        name = prefix + key.upper()
        if isinstance(value, dict):
            yield from _variables(value, f"{name}__")
        else:
            yield name


def _shown(field: str, value: object) -> str:
    if value is None:
        return ""
    mask = masked_database_url if field == "database_url" else masked_url if field.endswith("url") else str
    return mask(str(value))


def _names_a_database(url: str) -> bool:
    """Whether SQLAlchemy reads a database's name in it, and no piece of the password as the host.

    SQLAlchemy is loaded here, and only for a URL of PostgreSQL: most commands start sooner without it.
    """
    make_url = importlib.import_module("sqlalchemy.engine").make_url
    refused = importlib.import_module("sqlalchemy.exc").ArgumentError
    try:
        parsed = make_url(url)
    except (refused, ValueError):
        return False
    return bool((parsed.database or "").strip("/")) and "@" not in (parsed.host or "")
