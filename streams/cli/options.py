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
    """Connection options as kafka-python calls them. Raises ConfigError when a certificate file cannot be used."""
    return {
        "bootstrap_servers": kafka.addresses,
        "client_id": kafka.app,
        "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
        **kafka.security.login().options(),
    }
