"""What several commands have in common: the options that lead to a configuration, and how it is loaded."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from streams.config import Flag, KafkaConfig, Loaded, load

Command = TypeVar("Command", bound=Callable[..., Any])

BOOTSTRAP_TIMEOUT_MS: Final = 6_000
"""How long a command looks for a broker."""

EXISTING_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


def config_option(command: Command) -> Command:
    """`--config FILE`."""
    return click.option("--config", "config_file", type=EXISTING_FILE, help="Configuration file (YAML).")(command)


def brokers_option(command: Command) -> Command:
    """`--brokers B`."""
    text = "Kafka brokers, host:port[,host:port…]; over the configuration."
    return click.option("--brokers", metavar="B", help=text)(command)


def topic_prefix_option(command: Command) -> Command:
    """`--topic-prefix P`."""
    return click.option("--topic-prefix", metavar="P", help="Prefix of all topic names.")(command)


def load_config(config_file: Path | None, *, brokers: str | None = None, topic_prefix: str | None = None) -> Loaded:
    """The configuration in effect for a command: file < environment < its flags. Raises ConfigError."""
    flags = [
        Flag("--brokers", ("kafka", "brokers"), brokers),
        Flag("--topic-prefix", ("kafka", "topic_prefix"), topic_prefix),
    ]
    return load(config_file, environ=os.environ, flags=flags)


def kafka_options(kafka: KafkaConfig) -> dict[str, Any]:
    """Connection options as kafka-python calls them."""
    security = kafka.security
    options: dict[str, Any] = {
        "bootstrap_servers": kafka.addresses,
        "security_protocol": security.protocol,
        "client_id": kafka.app,
        "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
    }
    if security.sasl and security.password:
        options |= {
            "sasl_mechanism": security.mechanism,
            "sasl_plain_username": security.username,
            "sasl_plain_password": security.password.get_secret_value(),
        }
    if security.tls:
        files = {"ssl_cafile": security.ca_file, "ssl_certfile": security.cert_file, "ssl_keyfile": security.key_file}
        options |= {name: str(file) for name, file in files.items() if file}
        options["ssl_check_hostname"] = security.check_hostname
    return options
