"""The shape of the configuration file: every key, its type, its default and what it is for.

Descriptions are for people who write the file; `docs/configuration.md` shows every key with its default.
Durations are written with a unit (`60s`) and kept as milliseconds.
"""

from difflib import get_close_matches
from itertools import chain
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from streams.config.access import MetricsConfig, RedisConfig, SecurityConfig, WallboardConfig
from streams.config.alerts import AlertsConfig
from streams.config.calendars import CalendarConfig
from streams.config.quantities import (
    Brokers,
    Milliseconds,
    PositiveMilliseconds,
    ShownPath,
    Size,
    TimeZone,
    parse_duration,
)
from streams.config.section import Section
from streams.config.tickets import Clocks, Targets, pauses, uncalendared
from streams.contacts.customers import CustomerKey
from streams.contacts.settings import TICKET_CHANNELS, FoldSettings, Thresholds
from streams.customers.settings import CustomerSettings
from streams.facts.starts import TOPIC as CUSTOMERS_TOPIC
from streams.facts.wire import ROLL_UPS
from streams.metrics.settings import DOMAINS, Business, Channels, Staffing, Variant, Variants
from streams.windows.settings import INTERVAL_WINDOWS, WindowSettings

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS

SECRET_LENGTH: Final = 16
"""Characters that a secret of customers has at least."""

DEFAULTS: Final = "defaults"
"""The entry of `queues` that every queue takes from what it does not say itself."""

OTHER_CHANNELS: Final = "default"
"""The entry of `max_age` for the channels that have none of their own."""

ServiceLevel = Literal[
    "strict",
    "answered_only",
    "ignore_short",
    "ignore_in_target",
    "abandons_met",
    "short_met",
    "with_flow_out",
    "live",
]
AbandonRate = Literal["ignore_short", "strict", "with_flow_out", "short_met"]


def _window(name: str) -> str:
    named = WindowSettings(windows=(name,))
    if not named.rolling_ms() and not named.local_windows():
        message = f"is no window; write minutes, such as 5m, days, such as 7d, or one of {', '.join(INTERVAL_WINDOWS)}"
        raise ValueError(message)
    return name


def _queue(name: str) -> str:
    if name[:1] in ROLL_UPS:
        message = f"is no queue; {', '.join(ROLL_UPS)} begin the names of roll-ups, which have the defaults"
        raise ValueError(message)
    return name


def _session_timeout(ms: int) -> int:
    """Three heartbeats at least: one that is late is no death."""
    if not 3 * SECOND_MS <= ms <= 5 * MINUTE_MS:
        message = "must be from 3s to 5m"
        raise ValueError(message)
    return ms


_TOPIC: Final = r"[A-Za-z0-9._-]{1,100}"
_CHANNEL: Final = r"[a-z0-9][a-z0-9_.-]{0,49}"
TopicName = Annotated[str, Field(pattern=f"^{_TOPIC}$")]
WindowName = Annotated[str, AfterValidator(_window)]
CalendarName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
ChannelName = Annotated[str, Field(pattern=f"^{_CHANNEL}$")]
QueueName = Annotated[str, AfterValidator(_queue)]
RollUpName = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,199}$")]
Prefix = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,100}$")]
SessionTimeout = Annotated[Milliseconds, AfterValidator(_session_timeout)]
Seconds = Annotated[float, Field(ge=0, le=7 * 86_400)]

OWN_TOPICS: Final = frozenset({"facts", "visits", "deadletters", "customers"})
"""Logical topics that the worker writes: no source may be named so."""

TOPICS: Final[dict[str, list[str]]] = {
    "calls": ["voice"],
    "chats": ["chat"],
    "tickets": sorted(TICKET_CHANNELS, reverse=True),
    "agents": [],
    "surveys": [],
}
"""Logical source topics → channels they feed, where the configuration names none. Agents' events have no channel, and
surveys that of their contact."""

MAX_AGE_MS: Final = {"voice": 4 * HOUR_MS, "chat": 24 * HOUR_MS, OTHER_CHANNELS: 24 * HOUR_MS}


class KafkaConfig(Section):
    """The event log."""

    brokers: Brokers = "127.0.0.1:9092"
    topic_prefix: Prefix = ""
    app: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")] = "contact-streams"
    facts_partitions: Annotated[int, Field(ge=1, le=1_000)] = 4
    session_timeout: SessionTimeout = 10 * SECOND_MS
    security: SecurityConfig = SecurityConfig()

    @property
    def addresses(self) -> list[str]:
        """`host:port` of each bootstrap broker."""
        return self.brokers.split(",")

    def topic(self, logical: str) -> str:
        """Kafka name of a source or output topic, e.g. `calls`, `visits`."""
        return f"{self.topic_prefix}{logical}"

    @property
    def facts_topic(self) -> str:
        """Kafka name of the repartition topic between the two stages."""
        return f"{self.topic_prefix}{self.app}-facts"

    @property
    def customers_topic(self) -> str:
        """Kafka name of the topic between stage 1 and the books of customers."""
        return f"{self.topic_prefix}{self.app}-customers"

    def state_topic(self, logical: str) -> str:
        """Kafka name of the changelog of the books that read `logical` (a source topic, `customers`, or `facts`)."""
        return f"{self.topic_prefix}{self.app}-state-{logical}"


class QueueConfig(Section):
    """Targets of a queue. None: as `defaults` says."""

    target_s: Seconds | None = None
    target_compare: Literal["<=", "<"] | None = None
    short_abandon_s: Seconds | None = None
    service_level: ServiceLevel | None = None
    abandon_rate: AbandonRate | None = None
    first_response_target_s: Seconds | None = None
    count_callback_delay: bool | None = None
    timezone: TimeZone | None = None
    calendar: str | None = None
    service_level_goal: Annotated[float, Field(gt=0, lt=1)] | None = None
    patience_s: Annotated[float, Field(gt=0, le=7 * 86_400)] | None = None
    cost_per_hour: Annotated[int, Field(ge=0)] | None = None
    longest_wait_limit_s: Annotated[float, Field(gt=0, le=7 * 86_400)] | None = None
    abandon_rate_limit: Annotated[float, Field(gt=0, lt=1)] | None = None

    def over(self, lower: "QueueConfig") -> "QueueConfig":
        """What is said here, and of `lower` the rest."""
        return lower.model_copy(update=self.model_dump(exclude_none=True))


BUILT_IN_QUEUE: Final = QueueConfig(
    target_s=20,
    target_compare="<=",
    short_abandon_s=5,
    service_level="ignore_short",
    abandon_rate="ignore_short",
    first_response_target_s=60,
    count_callback_delay=False,
    service_level_goal=0.8,
    longest_wait_limit_s=180,
    abandon_rate_limit=0.1,
)
"""What holds for a queue of which neither it nor `defaults` says anything. Time zone None: the top-level one; calendar
None: no business clock; patience None: nobody gives up; cost None: not known."""


class BusinessConfig(Section):
    """What the numbers of business events need besides them. Amounts are in minor units of the one currency."""

    margin: Annotated[float, Field(gt=0, le=1)] | None = None
    opening_customers: Annotated[int, Field(gt=0)] | None = None
    horizon: PositiveMilliseconds = 365 * 24 * HOUR_MS


class AgentsConfig(Section):
    """Numbers of each single agent."""

    per_agent: bool = False
    max: Annotated[int, Field(ge=1, le=100_000)] = 500


class CustomersConfig(Section):
    """Following customers across their contacts. Off: what events say of customers is forgotten at once."""

    enabled: bool = False
    secret: SecretStr | None = None
    secret_file: ShownPath | None = None
    days: Annotated[int, Field(ge=1, le=90)] = 7

    @field_validator("secret")
    @classmethod
    def _hard_to_guess(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < SECRET_LENGTH:
            message = f"is too short to keep customers apart from those who try; use {SECRET_LENGTH} characters or more"
            raise ValueError(message)
        return secret

    @model_validator(mode="after")
    def _with_a_secret(self) -> "CustomersConfig":
        if self.enabled and self.secret is None:
            message = (
                "customers are stored only as keyed hashes, and no key is given; "
                "set customers.secret or customers.secret_file to a random text (openssl rand -hex 32), and keep it"
            )
            raise ValueError(message)
        return self

    @property
    def key(self) -> CustomerKey | None:
        """None: customers are not followed."""
        return CustomerKey(self.secret.get_secret_value()) if self.enabled and self.secret is not None else None


def _comma_separated(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Config(BaseSettings):
    """The whole configuration. Built by `loading.load`; built directly, it takes nothing from the environment."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, validate_default=False, hide_input_in_errors=True)

    kafka: KafkaConfig = KafkaConfig()
    topics: dict[TopicName, list[ChannelName]] = TOPICS
    redis: RedisConfig = RedisConfig()
    metrics: MetricsConfig = MetricsConfig()
    wallboard: WallboardConfig = WallboardConfig()
    windows: Annotated[list[WindowName], BeforeValidator(_comma_separated)] = list(WindowSettings().windows)
    interval: Literal["15m", "30m", "60m"] = "15m"
    timezone: TimeZone = "UTC"
    lateness: PositiveMilliseconds = MINUTE_MS
    max_age: dict[ChannelName, PositiveMilliseconds] = MAX_AGE_MS
    wrapup_max: Milliseconds = 10 * MINUTE_MS
    max_record_bytes: Size = 256 * 1024
    max_queues: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    calendars: dict[CalendarName, CalendarConfig] = {}
    queues: dict[QueueName, QueueConfig] = {}
    groups: dict[RollUpName, Annotated[list[QueueName], Field(min_length=1)]] = {}
    segments: Annotated[list[RollUpName], BeforeValidator(_comma_separated)] = []
    agents: AgentsConfig = AgentsConfig()
    customers: CustomersConfig = CustomersConfig()
    volume_ratio: bool = False
    business: BusinessConfig = BusinessConfig()
    ticket_targets: Targets = []
    ticket_clocks: Clocks = "zendesk"
    tickets_kept: PositiveMilliseconds = 30 * DAY_MS
    sla_due_soon: PositiveMilliseconds = 30 * MINUTE_MS
    alerts: AlertsConfig = AlertsConfig()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 (all of these: an override)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is handed in: `loading.load` merges the layers, so that each value's origin is known."""
        return (init_settings,)

    @field_validator("max_age", mode="before")
    @classmethod
    def _over_the_usual_ages(cls, value: object) -> object:
        usual = {channel: f"{ms}ms" for channel, ms in MAX_AGE_MS.items()}
        return {**usual, **value} if isinstance(value, dict) else value

    @field_validator("topics")
    @classmethod
    def _one_topic_per_channel(cls, topics: dict[str, list[str]]) -> dict[str, list[str]]:
        if not topics:
            message = "name at least one topic, such as `calls: [voice]`"
            raise ValueError(message)
        fed_by: dict[str, str] = {}
        for topic, channels in topics.items():
            if topic in OWN_TOPICS:
                message = f"`{topic}` is written by the worker and cannot be a source"
                raise ValueError(message)
            for channel in channels:
                if fed_by.setdefault(channel, topic) != topic:
                    message = f"channel `{channel}` is fed by both `{fed_by[channel]}` and `{topic}`; keep one"
                    raise ValueError(message)
        return topics

    @field_validator("queues")
    @classmethod
    def _of_known_calendars(cls, queues: dict[str, QueueConfig], info: ValidationInfo) -> dict[str, QueueConfig]:
        # where the calendars themselves are wrong they are missing here, and the error is theirs
        known = info.data.get("calendars")
        for name, queue in queues.items():
            if known is not None and queue.calendar is not None and queue.calendar not in known:
                raise _unknown_calendar(queue.calendar, list(known), (name, "calendar"))
        return queues

    @model_validator(mode="after")
    def _business_targets_have_a_calendar(self) -> "Config":
        calendars = {name: self.queue(name).calendar for name in self._named_queues()}
        for number, target in enumerate(self.ticket_targets):
            queue = uncalendared(target, calendars, self.queue(DEFAULTS).calendar)
            if queue is not None:
                message = "{queue} has no calendar; give it one under `queues`, or measure on `clock: calendar`"
                context = {"queue": queue, "below": ("ticket_targets", str(number), "clock")}
                raise PydanticCustomError("value_error", message, context)
        return self

    def queue(self, name: str) -> QueueConfig:
        """All that holds for a queue: its own keys over `defaults` over what is built in. None: it has no calendar."""
        lower = self.queues.get(DEFAULTS, QueueConfig()).over(BUILT_IN_QUEUE)
        own = self.queues.get(name, QueueConfig()) if name != DEFAULTS else QueueConfig()
        return own.over(lower).over(QueueConfig(timezone=self.timezone))

    def fold_settings(self) -> FoldSettings:
        """What stage 1 depends on."""
        ages = dict(self.max_age)
        return FoldSettings(
            lateness_ms=self.lateness,
            wrapup_max_ms=self.wrapup_max,
            default_max_age_ms=ages.pop(OTHER_CHANNELS),
            max_age_ms=ages,
            max_record_bytes=self.max_record_bytes,
            defaults=_thresholds(self.queue(DEFAULTS)),
            queues={name: _thresholds(self.queue(name)) for name in self._named_queues()},
            calendars={name: calendar.settings() for name, calendar in self.calendars.items()},
            groups={name: tuple(dict.fromkeys(queues)) for name, queues in self.groups.items()},
            segments=tuple(dict.fromkeys(self.segments)),
            per_agent=self.agents.per_agent,
            timezone=self.timezone,
            timezones=self._timezones(),
            business_horizon_ms=self.business.horizon,
            ticket_channels=self._ticket_channels(),
            ticket_targets=tuple(target.rule(ZoneInfo(self.timezone)) for target in self.ticket_targets),
            ticket_pauses=pauses(self.ticket_clocks),
            tickets_kept_ms=self.tickets_kept,
            sla_due_soon_ms=self.sla_due_soon,
        )

    def following(self) -> tuple[CustomerKey, CustomerSettings] | None:
        """What customers are hashed with, and what their book depends on; None: they are not followed."""
        key = self.customers.key
        if key is None:
            return None
        return key, CustomerSettings(
            horizon_ms=self.customers.days * DAY_MS,
            lateness_ms=self.lateness,
            correctable_ms=max(self.max_age.values()) + self.lateness,
            groups={name: tuple(dict.fromkeys(queues)) for name, queues in self.groups.items()},
        )

    def window_settings(self, *, whole_log: bool = False) -> WindowSettings:
        """What stage 2 depends on; `whole_log` adds the window `all`."""
        return WindowSettings(
            windows=tuple(self.windows),
            interval_ms=parse_duration(self.interval),
            timezone=self.timezone,
            timezones=self._timezones(),
            lateness_ms=self.lateness,
            volume_ratio=self.volume_ratio,
            sources=frozenset(self.topics) | ({CUSTOMERS_TOPIC} if self.customers.enabled else set()),
            whole_log=whole_log,
            most_queues=None if whole_log else self.max_queues,
            channels=frozenset(chain(DOMAINS, *self.topics.values())),
        )

    def variants(self) -> Variants:
        """Which formula stands under the plain names."""
        return Variants(
            defaults=_variant(self.queue(DEFAULTS)),
            queues={name: _variant(self.queue(name)) for name in self._named_queues()},
            business=Business(self.business.opening_customers, self.business.margin),
        )

    def channels(self) -> Channels:
        """Which channels are of what."""
        return Channels(self._ticket_channels(), self.agents.max)

    def _ticket_channels(self) -> frozenset[str]:
        return TICKET_CHANNELS | frozenset(self.topics.get("tickets", ()))

    def _timezones(self) -> dict[str, str]:
        return {name: zone for name in self._named_queues() if (zone := self.queue(name).timezone)}

    def _named_queues(self) -> list[str]:
        return sorted(name for name in self.queues if name != DEFAULTS)


def _unknown_calendar(name: str, known: list[str], below: tuple[str, str]) -> PydanticCustomError:
    """`below`: where under `queues` it stands, for the message."""
    close = get_close_matches(name, known, n=1)
    among = f"known: {', '.join(known)}" if known else "write it under `calendars`"
    context = {"name": name, "hint": f"did you mean `{close[0]}`?" if close else among, "below": below}
    return PydanticCustomError("value_error", "{name} is no calendar; {hint}", context)


def _thresholds(queue: QueueConfig) -> Thresholds:
    """Of a complete queue (`Config.queue`)."""
    return Thresholds(
        target_ms=_ms(queue.target_s),
        target_inclusive=queue.target_compare == "<=",
        short_abandon_ms=_ms(queue.short_abandon_s),
        first_response_target_ms=_ms(queue.first_response_target_s),
        count_callback_delay=bool(queue.count_callback_delay),
        calendar=queue.calendar,
        cost_per_hour=queue.cost_per_hour,
    )


def _ms(seconds: float | None) -> int:
    return round((seconds or 0) * SECOND_MS)


def _variant(queue: QueueConfig) -> Variant:
    return Variant(
        service_level=str(queue.service_level),
        abandon_rate=str(queue.abandon_rate),
        staffing=Staffing(float(queue.target_s or 0), float(queue.service_level_goal or 0), queue.patience_s),
    )
