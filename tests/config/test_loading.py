"""The layers of the configuration, its strictness, and what its errors say."""

from pathlib import Path

import pytest

from streams.config import Config, Flag, Loaded, load
from streams.errors import ConfigError


@pytest.fixture
def config_file(tmp_path: Path):
    def write(text: str) -> Path:
        file = tmp_path / "contact-streams.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def origin_of(loaded: Loaded, path: str) -> tuple[str, str]:
    return next((setting.value, setting.origin) for setting in loaded.settings() if setting.path == path)


def error_of(file: Path | None, environ: dict[str, str] | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(file, environ=environ or {})
    return caught.value


class TestLayers:
    def test_without_anything_the_defaults_hold(self):
        loaded = load(None, environ={})

        assert loaded.config == Config()
        assert origin_of(loaded, "kafka.brokers") == ("127.0.0.1:9092", "default")

    def test_environment_wins_over_file_and_flag_over_environment(self, config_file):
        file = config_file("kafka: {brokers: 'file:1', topic_prefix: file-}\nlateness: 90s\n")
        environ = {"CONTACT_STREAMS_KAFKA__BROKERS": "env:2", "CONTACT_STREAMS_KAFKA__TOPIC_PREFIX": "env-"}
        flags = [
            Flag("--brokers", ("kafka", "brokers"), "flag:3"),
            Flag("--topic-prefix", ("kafka", "topic_prefix"), None),
        ]
        loaded = load(file, environ=environ, flags=flags)

        assert origin_of(loaded, "kafka.brokers") == ("flag:3", "--brokers")
        assert origin_of(loaded, "kafka.topic_prefix") == ("env-", "CONTACT_STREAMS_KAFKA__TOPIC_PREFIX")
        assert origin_of(loaded, "lateness") == ("90s", f"{file}:2")
        assert origin_of(loaded, "kafka.app") == ("contact-streams", "default")

    def test_a_queue_in_the_environment_is_the_one_of_the_file_whatever_its_case(self, config_file):
        file = config_file("queues:\n  Billing: {target_s: 30, short_abandon_s: 3}\n")
        config = load(file, environ={"CONTACT_STREAMS_QUEUES__BILLING__TARGET_S": "40"}).config

        assert (config.queue("Billing").target_s, config.queue("Billing").short_abandon_s) == (40, 3)

    @pytest.mark.parametrize("written", ["1m,today", "[1m, today]", '["1m", "today"]'])
    def test_lists_in_the_environment_are_written_as_people_do(self, written):
        assert load(None, environ={"CONTACT_STREAMS_WINDOWS": written}).config.windows == ["1m", "today"]

    def test_an_empty_section_is_as_good_as_none(self, config_file):
        assert load(config_file("redis:\nkafka:\n"), environ={}).config == Config()

    def test_names_that_yaml_takes_for_something_else_stay_names(self, config_file):
        config = load(config_file("queues: {101: {target_s: 1}, no: {target_s: 2}}"), environ={}).config

        assert list(config.queues) == ["101", "no"]


class TestSecrets:
    def test_a_password_may_stand_in_a_file_and_is_never_shown(self, config_file, tmp_path):
        secret = tmp_path / "redis-password"
        secret.write_text("s3cret\n", encoding="utf-8")
        loaded = load(config_file(f"redis: {{password_file: {secret}}}"), environ={})

        assert loaded.config.redis.password.get_secret_value() == "s3cret"
        assert origin_of(loaded, "redis.password") == ("********", f"file {secret}")
        assert "s3cret" not in repr(loaded.config)

    def test_the_file_of_a_secret_may_be_named_by_the_environment(self, tmp_path):
        secret = tmp_path / "password"
        secret.write_text("pw", encoding="utf-8")
        config = load(None, environ={"CONTACT_STREAMS_REDIS__PASSWORD_FILE": str(secret)}).config

        assert config.redis.password.get_secret_value() == "pw"

    def test_a_password_in_the_url_is_masked(self, config_file):
        loaded = load(config_file("redis: {url: 'redis://bob:s3cret@cache:6379/1'}"), environ={})

        assert origin_of(loaded, "redis.url")[0] == "redis://bob:********@cache:6379/1"
        assert "s3cret" not in repr(loaded.config)

    def test_password_and_password_file_together_are_an_error(self, config_file):
        error = error_of(config_file("redis:\n  password: a\n  password_file: /b\n"))

        assert "redis.password (" in str(error)
        assert "both given" in str(error)

    def test_a_secret_file_that_is_not_there_is_named(self, config_file):
        error = error_of(config_file("redis: {password_file: /not/there}"))

        assert "redis.password_file" in str(error)
        assert "/not/there cannot be read: No such file or directory" in str(error)

    def test_a_wrong_value_beside_a_secret_does_not_show_the_secret(self, config_file):
        error = error_of(config_file("kafka: {security: {username: bob, password: s3cret}}"))

        assert "s3cret" not in str(error)


@pytest.mark.parametrize(
    ("text", "place", "reason", "hint"),
    [
        ("kafka: {brokrs: 'a:1'}", "kafka.brokrs", "unknown key", "did you mean `brokers`?"),
        ("\nqueues:\n  billing: {targt_s: 3}", "queues.billing.targt_s", "unknown key", "did you mean `target_s`?"),
        ("holidays: {}", "holidays", "unknown key", "known here: kafka, topics, redis"),
        ("lateness: 60", "lateness", "60 is not a duration", "write a whole number and a unit (ms, s, m, h, d)"),
        ("lateness: 0s", "lateness", "must be more than 0", "mend lateness"),
        ("kafka: {session_timeout: 1s}", "kafka.session_timeout", "must be from 3s to 5m", "kafka.session_timeout"),
        ("max_age: {voice: 4 hours}", "max_age.voice", "'4 hours' is not a duration", "such as 60s"),
        ("max_record_bytes: 9", "max_record_bytes", "9 is not a size", "such as 256KiB"),
        ("timezone: Mars/Olympus", "timezone", "'Mars/Olympus' is not a time zone", "IANA name"),
        ("queues: {q: {timezone: CE}}", "queues.q.timezone", "'CE' is not a time zone", "IANA name"),
        ("interval: 20m", "interval", "'20m' is none of 15m, 30m or 60m", "set interval"),
        ("queues: {q: {service_level: best}}", "queues.q.service_level", "'best' is none of strict,", "set queues.q"),
        ("queues: {q: {target_compare: '>'}}", "queues.q.target_compare", "'>' is none of <= or <", "set queues.q"),
        ("windows: [5m, yesterday]", "windows.1", "'yesterday' is no window", "write minutes, such as 5m"),
        ("queues: {'@sales': {}}", "queues.@sales", "is no queue", "roll-ups, which have the defaults"),
        ("groups: {sales: []}", "groups.sales", "at least 1 item", "mend groups.sales"),
        ("groups: {sales: ['#gold']}", "groups.sales.0", "'#gold' is no queue", "roll-ups"),
        ("business: {margin: 40}", "business.margin", "40 is wrong", "mend business.margin"),
        ("kafka: {brokers: kafka}", "kafka.brokers", "'kafka' is not host:port", "127.0.0.1:9092"),
        ("metrics: {port: 99999}", "metrics.port", "99999 is wrong", "mend metrics.port"),
        ("redis: 5", "redis", "5 is not a mapping", "write keys and values below it"),
        ("redis: {url: 'http://x'}", "redis.url", "is wrong, string should match", "mend redis.url"),
        ("topics: {visits: [voice]}", "topics", "`visits` is written by the worker", "mend topics"),
        ("topics: {a: [voice], b: [voice]}", "topics", "channel `voice` is fed by both `a` and `b`", "keep one"),
        ("kafka: {security: {protocol: SASL_SSL}}", "kafka.security", "needs username", "mend kafka.security"),
    ],
)  # fmt: skip
def test_an_error_names_the_place_the_reason_and_the_mending(config_file, text, place, reason, hint):
    file = config_file(text)
    error = error_of(file)

    assert error.exit_code == 2
    assert str(error).startswith(f"{place} ({file}:")
    assert reason in str(error)
    assert hint in error.hint


def test_all_mistakes_are_named_at_once(config_file):
    error = error_of(config_file("timezone: X\nkafka: {brokrs: 'a:1'}\n"))

    assert "has 2 mistakes" in str(error)
    assert "timezone" in str(error)
    assert "did you mean `brokers`?" in str(error)


class TestTheFileItself:
    def test_a_key_given_twice_is_an_error_with_its_line(self, config_file):
        file = config_file("timezone: UTC\nlateness: 60s\ntimezone: Europe/Berlin\n")

        assert str(error_of(file)) == f"{file}:3: timezone is given twice"

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            pytest.param("kafka: [", "line 1", id="broken YAML"),
            pytest.param("- a\n- b\n", "is not a mapping", id="a list"),
            pytest.param("[a, b]: c", "a key must be a word", id="a key that is no word"),
            pytest.param(
                "timezone: !!python/object:os.system x", "could not determine a constructor", id="a Python tag"
            ),
        ],
    )
    def test_what_is_no_mapping_of_words_is_refused(self, config_file, text, reason):
        assert reason in str(error_of(config_file(text)))

    def test_an_error_names_the_line(self, config_file):
        file = config_file("kafka:\n  app: x\n\n  brokrs: a\n")

        assert str(error_of(file)) == f"kafka.brokrs ({file}:4): unknown key"

    def test_a_file_that_is_not_there_is_named(self, tmp_path):
        assert "cannot be read: No such file" in str(error_of(tmp_path / "none.yaml"))

    def test_an_empty_file_is_all_defaults(self, config_file):
        assert load(config_file("# nothing yet\n"), environ={}).config == Config()


class TestEnvironment:
    def test_a_misspelt_variable_is_an_error(self):
        error = error_of(None, {"CONTACT_STREAMS_KAFAK__BROKERS": "a:1"})

        assert "CONTACT_STREAMS_KAFAK__BROKERS" in str(error)
        assert error.hint == "did you mean `kafka`?"

    def test_a_misspelt_part_of_a_variable_is_an_error(self):
        error = error_of(None, {"CONTACT_STREAMS_KAFKA__BROKRS": "a:1"})

        assert str(error) == "kafka.brokrs (CONTACT_STREAMS_KAFKA__BROKRS): unknown key"

    def test_what_kubernetes_sets_is_ignored_and_reported(self):
        loaded = load(None, environ={"CONTACT_STREAMS_SERVICE_HOST": "10.0.0.1", "CONTACT_STREAMS_PORT": "tcp://x:1"})

        assert loaded.ignored == ["CONTACT_STREAMS_PORT", "CONTACT_STREAMS_SERVICE_HOST"]

    def test_the_configuration_itself_reads_no_environment(self, monkeypatch):
        monkeypatch.setenv("TIMEZONE", "Europe/Berlin")
        monkeypatch.setenv("CONTACT_STREAMS_TIMEZONE", "Europe/Berlin")

        assert Config().timezone == "UTC"
