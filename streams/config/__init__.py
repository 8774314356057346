"""The configuration: YAML file < environment < flags, strict, and every value knows where it came from.

Owns the shape of the file (`model.Config`), how the layers are read and merged (`layers`) and the loading itself with
its messages (`loading.load`). Composes the settings that live beside the code they configure; imports the core, and
nothing of the shell imports it but commands and composition roots.
"""

from streams.config.access import RedisConfig
from streams.config.layers import Flag
from streams.config.loading import Loaded, load
from streams.config.model import Config, KafkaConfig, QueueConfig

__all__ = ["Config", "Flag", "KafkaConfig", "Loaded", "QueueConfig", "RedisConfig", "load"]
