"""What the configuration means to the core, and that its documentation is complete."""

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from streams.config import Config, QueueConfig, load
from streams.config.layers import leaves
from streams.config.model import AbandonRate, ServiceLevel
from streams.contacts.settings import FoldSettings, Thresholds
from streams.customers.settings import CustomerSettings
from streams.errors import ConfigError
from streams.metrics.catalogue import CATALOGUE
from streams.metrics.settings import Business, Staffing, Variant, Variants
from streams.windows.settings import WindowSettings

DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"


def config_of(text: str, tmp_path: Path) -> Config:
    file = tmp_path / "c.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file, environ={}).config


CHANNELS = frozenset({"voice", "chat", "ticket", "email", "agents", "surveys", "customers", "business"})
"""Those of the default topics, and those of events that name none."""


class TestConversion:
    def test_the_defaults_are_those_of_the_core(self):
        config = Config()

        assert config.window_settings() == WindowSettings(
            sources=frozenset(config.topics), most_queues=10_000, channels=CHANNELS
        )
        assert config.variants() == Variants()
        assert config.fold_settings().defaults == Thresholds()
        assert config.fold_settings().max_age("voice") == FoldSettings().max_age("voice")
        assert config.fold_settings().max_age("chat") == FoldSettings().max_age("chat")

    def test_a_queue_says_only_what_differs_from_defaults(self, tmp_path):
        config = config_of(
            "queues:\n"
            "  defaults: {target_s: 30, service_level: strict}\n"
            "  billing: {short_abandon_s: 2.5, timezone: Asia/Tokyo}\n",
            tmp_path,
        )
        fold = config.fold_settings()

        assert fold.thresholds("billing") == Thresholds(target_ms=30_000, short_abandon_ms=2_500)
        assert fold.thresholds("other") == Thresholds(target_ms=30_000)
        assert config.variants().of("billing") == Variant(service_level="strict", staffing=Staffing(target_s=30))
        assert config.window_settings().zone("billing").key == "Asia/Tokyo"
        assert config.window_settings().zone("other").key == "UTC"

    def test_a_queue_gets_the_time_zone_of_the_defaults_before_the_top_level_one(self, tmp_path):
        config = config_of("timezone: Asia/Tokyo\nqueues: {defaults: {timezone: Europe/Berlin}, q: {}}", tmp_path)

        assert config.window_settings().zone("q").key == "Europe/Berlin"
        assert config.window_settings().zone("*").key == "Asia/Tokyo"

    def test_horizons_are_milliseconds(self, tmp_path):
        text = "lateness: 2m\nwrapup_max: 1h\nmax_age: {voice: 2h, email: 7d}\nmax_record_bytes: 1MiB\ninterval: 30m\n"
        config = config_of(text, tmp_path)
        fold = config.fold_settings()

        assert (fold.lateness_ms, fold.wrapup_max_ms, fold.max_record_bytes) == (120_000, 3_600_000, 1 << 20)
        assert [fold.max_age(channel) for channel in ("voice", "email", "chat", "fax")] == [
            7_200_000, 604_800_000, 86_400_000, 86_400_000,
        ]  # fmt: skip
        assert config.window_settings(whole_log=True) == WindowSettings(
            interval_ms=1_800_000,
            lateness_ms=120_000,
            sources=frozenset(config.topics),
            whole_log=True,
            channels=CHANNELS,
        )

    def test_compare_less_than_leaves_the_target_itself_out(self, tmp_path):
        thresholds = config_of("queues: {q: {target_compare: '<'}}", tmp_path).fold_settings().thresholds("q")

        assert not thresholds.in_target(20_000)

    def test_a_complete_queue_leaves_open_what_need_not_be_known(self):
        open_keys = [key for key, value in Config().queue("any").model_dump().items() if value is None]

        assert open_keys == ["calendar", "patience_s", "cost_per_hour"]

    def test_groups_and_segments_are_each_named_once(self, tmp_path):
        fold = config_of("groups: {sales: [a, b, a]}\nsegments: [gold, gold]", tmp_path).fold_settings()

        assert fold.groups == {"sales": ("a", "b")}
        assert fold.segments == ("gold",)
        assert fold.digest() != FoldSettings().digest()

    def test_what_a_queue_is_staffed_for(self, tmp_path):
        text = "queues: {defaults: {service_level_goal: 0.9}, q: {target_s: 30, patience_s: 60, cost_per_hour: 3000}}"
        config = config_of(text, tmp_path)

        assert config.variants().of("q").staffing == Staffing(30, 0.9, 60)
        assert config.variants().of("other").staffing == Staffing(20, 0.9, None)
        assert config.fold_settings().thresholds("q").cost_per_hour == 3000
        assert config.fold_settings().thresholds("other").cost_per_hour is None

    def test_what_business_events_need_besides(self, tmp_path):
        config = config_of("business: {margin: 0.4, opening_customers: 100, horizon: 30d}", tmp_path)

        assert config.variants().business_of("*") == Business(100, 0.4)
        assert config.variants().business_of("billing") == Business(None, 0.4)
        assert config.fold_settings().business_horizon_ms == 30 * 86_400_000


@pytest.mark.parametrize(("setting", "choices"), [("service_level", ServiceLevel), ("abandon_rate", AbandonRate)])
def test_the_variants_to_choose_from_are_those_of_the_catalogue(setting, choices):
    assert set(get_args(choices)) == {kpi.variant for kpi in CATALOGUE if kpi.variant_of == setting}


class TestTopics:
    def test_names_carry_prefix_and_app(self, tmp_path):
        kafka = config_of("kafka: {topic_prefix: t-, app: live}", tmp_path).kafka

        assert kafka.topic("calls") == "t-calls"
        assert kafka.facts_topic == "t-live-facts"
        assert kafka.state_topic("calls") == "t-live-state-calls"


class TestCustomers:
    def test_they_are_not_followed_unless_asked_for(self):
        assert Config().following() is None

    def test_their_book_has_the_days_and_what_else_it_depends_on(self, tmp_path):
        config = config_of(
            "customers: {enabled: true, secret: sixteen characters or more, days: 3}\n"
            "lateness: 30s\nmax_age: {voice: 1h, chat: 2h, default: 3h}\ngroups: {all: [a, b]}\n",
            tmp_path,
        )
        _, settings = config.following()

        assert settings == CustomerSettings(3 * 86_400_000, 30_000, 3 * 3_600_000 + 30_000, {"all": ("a", "b")})

    def test_the_same_secret_gives_the_same_hashes_and_another_one_others(self, tmp_path):
        keys = [
            config_of(f"customers: {{enabled: true, secret: {secret}}}", tmp_path).customers.key
            for secret in ("0123456789abcdef", "0123456789abcdef", "0123456789abcdeF")
        ]

        assert keys[0].hide("ann") == keys[1].hide("ann") != keys[2].hide("ann")
        assert keys[0].fingerprint == keys[1].fingerprint != keys[2].fingerprint
        assert len(keys[0].hide("ann")) == 32

    def test_the_secret_may_be_in_a_file(self, tmp_path):
        (tmp_path / "secret").write_text("0123456789abcdef\n", encoding="utf-8")
        config = config_of(f"customers: {{enabled: true, secret_file: {tmp_path / 'secret'}}}", tmp_path)

        assert config.customers.secret.get_secret_value() == "0123456789abcdef"
        assert "0123456789abcdef" not in repr(config)

    @pytest.mark.parametrize(
        ("text", "message", "hint"),
        [
            pytest.param("{enabled: true}", "no key is given", "openssl rand -hex 32", id="no secret"),
            pytest.param("{enabled: true, secret: short}", "too short", "16 characters or more", id="a short secret"),
            pytest.param("{enabled: true, secert: x}", "unknown key", "did you mean `secret`?", id="a slip of the pen"),
            pytest.param("{days: 0}", "customers.days", "mend customers.days", id="no days"),
        ],
    )
    def test_what_is_wrong_is_said_with_its_mending(self, text, message, hint, tmp_path):
        with pytest.raises(ConfigError, match=re.escape(message)) as raised:
            config_of(f"customers: {text}", tmp_path)

        assert hint in raised.value.hint
        assert "short}" not in str(raised.value)

    def test_their_topic_is_nobodys_source(self, tmp_path):
        with pytest.raises(ConfigError, match="`customers` is written by the worker"):
            config_of("topics: {calls: [voice], customers: [chat]}", tmp_path)


class TestDocumentation:
    def test_the_reference_shows_every_key_and_its_default(self, tmp_path):
        reference = re.search(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)[1]
        data = yaml.safe_load(reference)
        keys = {path for path, _ in leaves(data)}
        known = {path for path, _ in leaves(Config().model_dump(exclude={"queues"}))}
        queue_keys = {("queues", "defaults", key) for key in QueueConfig.model_fields}

        assert keys == known | queue_keys
        assert config_of(reference, tmp_path).model_dump(exclude={"queues"}) == Config().model_dump(exclude={"queues"})
        assert config_of(reference, tmp_path).queue("any") == Config().queue("any")

    def test_every_yaml_block_is_right(self, tmp_path):
        for block in re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL):
            config_of(block, tmp_path)
