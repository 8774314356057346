"""Where configuration comes from: each source as a nested dict, and the origin of each of its values.

The file is read from YAML's nodes rather than its objects: so each value knows its line, a key given twice is found,
and a queue named `101` or `no` keeps its name.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml
from pydantic_settings import BaseSettings, EnvSettingsSource

from streams.errors import ConfigError

ENV_PREFIX: Final = "CONTACT_STREAMS_"
ENV_DELIMITER: Final = "__"

KeyPath = tuple[str, ...]
"""Keys from the top, e.g. ("kafka", "brokers")."""

Data = dict[str, Any]


class Flag(NamedTuple):
    """A value given on the command line; None: not given."""

    name: str
    """As the user wrote it, e.g. `--brokers`."""
    path: KeyPath
    value: object


class Layer(NamedTuple):
    """One source: its values, and where each leaf stands (for messages and `check-config`)."""

    data: Data
    origins: dict[KeyPath, str]


def leaves(data: Mapping[str, Any], above: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """(path, value) of everything that is not a mapping; an empty mapping is a leaf."""
    for key, value in data.items():
        path = (*above, key)
        if isinstance(value, Mapping) and value:
            yield from leaves(value, path)
        else:
            yield path, value


def merge(lower: Data, upper: Data) -> Data:
    """`upper` over `lower`: mappings are merged key by key, anything else is replaced."""
    merged = dict(lower)
    for key, value in upper.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def from_file(path: Path) -> Layer:
    """The YAML file. Raises ConfigError when it cannot be read or is not a mapping of strings."""
    try:
        return _parsed(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"
        raise ConfigError(message, hint="name an existing YAML file") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: {_yaml_problem(error)}", hint="mend the YAML at that place") from error


def _parsed(text: str, path: Path) -> Layer:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    origins: dict[KeyPath, str] = {}
    if root is None or (isinstance(root, yaml.ScalarNode) and root.value == ""):
        return Layer({}, origins)
    if not isinstance(root, yaml.MappingNode):
        message = f"{path}: is not a mapping of keys to values"
        raise ConfigError(message, hint="start with a line such as `timezone: UTC`")
    return Layer(_mapping(root, (), str(path), origins), origins)


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{where}{getattr(error, 'problem', None) or 'not YAML'}"


def _mapping(node: yaml.MappingNode, above: KeyPath, file: str, origins: dict[KeyPath, str]) -> Data:
    data: Data = {}
    for key_node, value_node in node.value:
        place = f"{file}:{key_node.start_mark.line + 1}"
        if not isinstance(key_node, yaml.ScalarNode):
            raise ConfigError(f"{place}: a key must be a word", hint="write `key: value`")
        key, path = key_node.value, (*above, key_node.value)
        if key in data:
            raise ConfigError(f"{place}: {'.'.join(path)} is given twice", hint="keep one of the two")
        origins[path] = place
        if isinstance(value_node, yaml.MappingNode):
            data[key] = _mapping(value_node, path, file, origins)
        else:
            data[key] = _construct(value_node, f"{'.'.join(path)} ({place})")
    return data


def _construct(node: yaml.Node, where: str) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    except ValueError as error:
        # what looks like a date to YAML but is none, such as 2026-13-01
        raise ConfigError(f"{where}: {error}", hint="mend the value") from error
    finally:
        loader.dispose()


class _Environment(EnvSettingsSource):
    """Environment variables that are handed in, complex values written as in the file (YAML, JSON is a part of it)."""

    def __init__(self, settings: type[BaseSettings], environ: Mapping[str, str]) -> None:
        self._environ = environ
        super().__init__(settings, env_prefix=ENV_PREFIX, env_nested_delimiter=ENV_DELIMITER)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in self._environ.items()}

    def decode_complex_value(self, field_name: str, field: object, value: Any) -> Any:  # noqa: ARG002 (an override)
        try:
            decoded = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ValueError(_yaml_problem(error)) from error
        # `1m,5m` is how people write a list in an environment
        return decoded.split(",") if isinstance(decoded, str) and "," in decoded else decoded


def from_environment(settings: type[BaseSettings], environ: Mapping[str, str], file: Data) -> Layer:
    """Variables `CONTACT_STREAMS_…`, case ignored: a queue's name is taken as `file` spells it."""
    try:
        data = _Environment(settings, environ)()
    except ValueError as error:
        raise ConfigError(f"environment: {error}", hint="write lists as 1m,5m or [1m, 5m]") from error
    named = {path: _variable(path) for path, _ in leaves(data)}
    data = _spelt_as_in(file, data)
    return Layer(data, dict(zip((path for path, _ in leaves(data)), named.values(), strict=True)))


def _variable(path: KeyPath) -> str:
    return ENV_PREFIX + ENV_DELIMITER.join(path).upper()


def _spelt_as_in(file: Data, data: Data) -> Data:
    spelt = {key.lower(): key for key in file}
    result: Data = {}
    for key, value in data.items():
        name = spelt.get(key, key)
        if isinstance(value, dict):
            below = file.get(name)
            result[name] = _spelt_as_in(below if isinstance(below, dict) else {}, value)
        else:
            result[name] = value
    return result


def stray_variables(known: Iterable[str], environ: Mapping[str, str]) -> list[str]:
    """Variables with our prefix whose first part is none of `known`. Sorted.

    They are no error: Kubernetes sets `CONTACT_STREAMS_PORT` and others in every pod beside a service of that name.
    """
    tops = {key.upper() for key in known}
    ours = (name for name in environ if name.upper().startswith(ENV_PREFIX))
    return sorted(name for name in ours if name[len(ENV_PREFIX) :].upper().split(ENV_DELIMITER)[0] not in tops)


def from_flags(flags: Iterable[Flag]) -> Layer:
    """Flags that were given."""
    data: Data = {}
    origins: dict[KeyPath, str] = {}
    for flag in flags:
        if flag.value is None:
            continue
        nested: Any = flag.value
        for key in reversed(flag.path):
            nested = {key: nested}
        data = merge(data, nested)
        origins[flag.path] = flag.name
    return Layer(data, origins)
