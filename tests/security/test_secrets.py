"""No secret is shown: not by `repr`, not by `check-config`, not in an error about the value itself or one beside it."""

import pytest

from streams.config import load
from streams.config.loading import SECRETS
from streams.errors import ConfigError
from streams.sinks.redis import connect
from streams.worker.compose import worker_settings
from tests.cli.commands import contact_streams_here

SECRET = "s3cret-s3cret-s3cret"
COMPLETE = {
    ("kafka", "security", "password"): {"PROTOCOL": "SASL_PLAINTEXT", "USERNAME": "u"},
    ("metrics", "password"): {"USERNAME": "u"},
    ("wallboard", "password"): {"USERNAME": "u"},
    ("customers", "secret"): {"ENABLED": "true"},
}
"""What must be said beside a secret."""

each_secret = pytest.mark.parametrize("path", SECRETS, ids=".".join)


def variable(*path: str) -> str:
    return "CONTACT_STREAMS_" + "__".join(path).upper()


def environment(path: tuple[str, ...], value: str = SECRET) -> dict[str, str]:
    beside = {variable(*path[:-1], name): said for name, said in COMPLETE.get(path, {}).items()}
    return {variable(*path): value, **beside}


@each_secret
def test_by_no_object_that_holds_it(path):
    config = load(None, environ=environment(path)).config
    section = config
    for key in path[:-1]:
        section = getattr(section, key)
    assert getattr(section, path[-1]).get_secret_value() == SECRET

    settings = worker_settings(config)
    client = connect(config.redis.url, config.redis.login())
    holders = [
        config,
        section,
        settings,
        settings.login,
        config.wallboard.credentials(),
        client,
        client.connection_pool,
    ]

    assert [holder for holder in holders if SECRET in f"{holder!r} {holder!s}"] == []


@each_secret
def test_by_check_config(path, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("{}")

    done = contact_streams_here("check-config", file, environ=environment(path))

    assert (done.returncode, done.stderr) == (0, "the configuration is right\n")
    assert SECRET not in done.stdout
    shown = [line.split() for line in done.stdout.splitlines()]
    assert [words[1] for words in shown if words[0] == ".".join(path)] == ["********"]


@each_secret
def test_it_may_stand_in_a_file_of_its_own(path, tmp_path):
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    environ = environment(path)
    environ[variable(*path[:-1], f"{path[-1]}_file")] = str(file)
    del environ[variable(*path)]

    shown = {setting.path: setting for setting in load(None, environ=environ).settings()}

    assert shown[".".join(path)].value == "********"
    assert shown[".".join(path)].origin == f"file {file}"


@each_secret
@pytest.mark.parametrize(
    "yaml",
    [
        pytest.param("{last}: [{secret}]", id="it is a list"),
        pytest.param("{last}: {{a: {secret}}}", id="it is a mapping"),
        pytest.param("{last}: {secret}\n{indent}nonsense: 1", id="an unknown key beside it"),
        pytest.param("{last}: {secret}\n{indent}{last}_file: /not/there", id="given twice"),
        pytest.param("{last}: {secret}\n{indent}{last}: {secret}", id="the key twice"),
        pytest.param("{last}: {secret}\n{indent}  x: [", id="not YAML"),
    ],
)
def test_by_no_error(path, yaml, tmp_path):
    file = tmp_path / "c.yaml"
    lines = [f"{'  ' * depth}{key}:" for depth, key in enumerate(path[:-1])]
    indent = "  " * (len(path) - 1)
    lines.append(indent + yaml.format(last=path[-1], secret=SECRET, indent=indent))
    file.write_text("\n".join(lines))

    with pytest.raises(ConfigError) as caught:
        load(file, environ={})

    chain = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert [error for error in chain if SECRET in f"{error!r} {getattr(error, 'hint', '')}"] == []


@pytest.mark.parametrize(
    "text",
    [
        "redis: {url: 'rediss//u:SECRET@host/0'}",
        "redis: {url: 'http://u:SECRET@host/0'}",
        "redis: {url: 'redis://u:part/of@SECRET@host/0'}",
        "redis: {url: 'redis://host/0?password=SECRET'}",
        "redis: {url: 'redis://u:SECRET@host/0', password: other}",
        "redis: 'redis://u:SECRET@host/0'",
        "redis: ['redis://u:SECRET@host/0']",
        "kafka: {brokers: 'u:SECRET@host:9092'}",
        "kafka: {brokers: 'SASL_SSL://u:SECRET@host:9092x'}",
    ],
)
def test_by_no_error_about_an_address_that_holds_one(text, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(text.replace("SECRET", SECRET))

    with pytest.raises(ConfigError) as caught:
        load(file, environ={})

    assert SECRET not in f"{caught.value} {caught.value.hint}"


def test_a_token_is_hard_to_guess_and_a_password_not_too_short():
    for environ, reason in (
        ({"CONTACT_STREAMS_METRICS__TOKEN": "short"}, "is no token"),
        ({"CONTACT_STREAMS_METRICS__TOKEN": "with a space, but long"}, "is no token"),
        ({"CONTACT_STREAMS_WALLBOARD__USERNAME": "u", "CONTACT_STREAMS_WALLBOARD__PASSWORD": "short"}, "is too short"),
        ({"CONTACT_STREAMS_WALLBOARD__USERNAME": "u"}, "go together"),
        ({"CONTACT_STREAMS_WALLBOARD__USERNAME": "a:b", "CONTACT_STREAMS_WALLBOARD__PASSWORD": SECRET}, "is wrong"),
    ):
        with pytest.raises(ConfigError, match=reason):
            load(None, environ=environ)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("redis: {ca_file: /x}", "for TLS, and a url that begins with redis:// has none"),
        ("redis: {url: 'rediss://h', cert_file: /x}", "cert_file and key_file go together"),
        ("redis: {username: u}", "username needs a password"),
        ("redis: {username: u, password: p, url: 'redis://v:@h'}", "and no user in url"),
        ("kafka: {security: {ca_file: /x}}", "for TLS, and protocol PLAINTEXT has none"),
        ("kafka: {security: {protocol: SSL, username: u, password: p}}", "are for protocol SASL"),
        ("kafka: {security: {protocol: SASL_SSL, username: u, password: ''}}", "needs username, and password"),
        ("kafka: {security: {protocol: SASL_SSL, mechanism: GSSAPI}}", "is none of PLAIN, SCRAM-SHA-256"),
        ("metrics: {key_file: /x}", "cert_file and key_file go together"),
        ("wallboard: {frame_ancestors: ['*']}", "is no origin"),
        ("wallboard: {frame_ancestors: ['https://a; script-src *']}", "is no origin"),
        ("wallboard: {requests_per_minute: -1}", "is wrong"),
    ],
)
def test_what_makes_no_sense_is_refused(text, reason, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(text)

    with pytest.raises(ConfigError) as caught:
        load(file, environ={})

    assert reason in str(caught.value)
