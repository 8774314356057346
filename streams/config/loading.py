"""Loads the configuration and, when it is wrong, says where, why and what to do about it."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from streams.config.access import MASK, masked_url, without_credentials
from streams.config.layers import (
    ENV_DELIMITER,
    ENV_PREFIX,
    Data,
    Flag,
    KeyPath,
    Layer,
    from_environment,
    from_file,
    from_flags,
    leaves,
    merge,
    stray_variables,
)
from streams.config.model import BUILT_IN_QUEUE, DEFAULTS, Config
from streams.errors import ConfigError

SECRETS: tuple[KeyPath, ...] = (
    ("redis", "password"),
    ("kafka", "security", "password"),
    ("metrics", "token"),
    ("metrics", "password"),
    ("wallboard", "token"),
    ("wallboard", "password"),
    ("customers", "secret"),
)
"""Values that may stand in a file of their own: the key beside them ends in `_file`."""

UNSHOWN: frozenset[KeyPath] = frozenset({*SECRETS, ("redis", "url")})
"""Values that no error shows."""


class Setting(NamedTuple):
    """One value of the effective configuration, as shown to people: secrets are masked."""

    path: str
    value: str
    origin: str


class Loaded(NamedTuple):
    """A configuration that holds, and where its values come from."""

    config: Config
    origins: Mapping[KeyPath, str]
    ignored: list[str]
    """Environment variables with our prefix that name no key."""

    def settings(self) -> Iterator[Setting]:
        """Every value in effect, in the order of the file format. Of queues, what each says itself."""
        for path, value in leaves(_shown(self.config)):
            yield Setting(".".join(path), _text(value), self.origins.get(path, "default"))


def load(path: Path | None, *, environ: Mapping[str, str], flags: Iterable[Flag] = ()) -> Loaded:
    """The configuration of a file (None: only defaults), the environment and flags, the later over the former.

    Raises ConfigError that names every key that is wrong, why, and how to mend it.
    """
    file = from_file(path) if path else Layer({}, {})
    environment = from_environment(Config, environ, file.data)
    layers = [file, environment, from_flags(flags)]
    data: Data = {}
    origins: dict[KeyPath, str] = {}
    for layer in layers:
        data = merge(data, layer.data)
        origins.update(layer.origins)
    _read_secret_files(data, origins)
    strays = stray_variables(Config.model_fields, environ)
    _refuse_misspelt_variables(strays)
    try:
        return Loaded(Config(**_said(data)), origins, strays)
    except ValidationError as error:
        raise _explained(error, origins) from error


def _said(data: Data) -> Data:
    """Without known keys whose value is left empty (a section of which every line is a comment)."""
    return {key: value for key, value in data.items() if value is not None or key not in Config.model_fields}


def _read_secret_files(data: Data, origins: dict[KeyPath, str]) -> None:
    """Put the contents of `…_file` in place of the secret itself."""
    for path in SECRETS:
        section = _section(data, path[:-1])
        name, file_key = path[-1], f"{path[-1]}_file"
        if not isinstance(section.get(file_key), str):
            continue
        dotted, file_path = ".".join(path), (*path[:-1], file_key)
        if section.get(name) is not None:
            message = f"{dotted} ({origins[path]}) and {dotted}_file ({origins[file_path]}) are both given"
            raise ConfigError(message, hint="keep one of the two")
        section[name] = _secret(Path(section[file_key]), f"{dotted}_file ({origins[file_path]})")
        origins[path] = f"file {section[file_key]}"


def _section(data: Data, path: KeyPath) -> Data:
    for key in path:
        below = data.get(key)
        if not isinstance(below, dict):
            return {}
        data = below
    return data


def _secret(file: Path, named_by: str) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{named_by}: {file} cannot be read: {getattr(error, 'strerror', None) or error}"
        raise ConfigError(message, hint="name a readable file that holds nothing but the secret") from error


def _refuse_misspelt_variables(strays: list[str]) -> None:
    """A variable with `__` in it can only be meant for us: an unknown one is a mistake, not somebody else's."""
    for name in strays:
        top, delimiter, _ = name[len(ENV_PREFIX) :].lower().partition(ENV_DELIMITER)
        if delimiter:
            message = f"environment: {name}: `{top}` is no key of the configuration"
            raise ConfigError(message, hint=_nearest(top, Config.model_fields))


class _Problem(NamedTuple):
    where: str
    reason: str
    hint: str


def _explained(error: ValidationError, origins: Mapping[KeyPath, str]) -> ConfigError:
    """All mistakes at once, each with its mending."""
    problems = [_problem(details, origins) for details in error.errors(include_url=False)]
    if len(problems) == 1:
        where, reason, hint = problems[0]
        return ConfigError(f"{where}: {reason}", hint=hint)
    lines = [f"  {where}: {reason}: {hint}" for where, reason, hint in problems]
    message = "\n".join([f"the configuration has {len(problems)} mistakes", *lines])
    return ConfigError(message, hint="docs/configuration.md shows every key with its default")


def _problem(details: ErrorDetails, origins: Mapping[KeyPath, str]) -> _Problem:
    # `below`: a validator that looks at a whole section says where in it the mistake is
    place = (*details["loc"], *details.get("ctx", {}).get("below", ()))
    path = tuple(str(part) for part in place if part != "[key]")
    dotted, origin = ".".join(path), _origin(path, origins)
    where = f"{dotted} ({origin})" if origin else dotted
    if details["type"] == "extra_forbidden":
        return _Problem(where, "unknown key", _nearest(path[-1], _keys_at(path[:-1])))
    if details["type"] == "missing":
        return _Problem(where, "is missing", f"add {path[-1]}")
    given = details["input"]
    shown = "" if isinstance(given, (dict, BaseModel)) or path in UNSHOWN else f"{without_credentials(repr(given))} "
    if details["type"] == "literal_error":
        choices = details["ctx"]["expected"].replace("'", "")
        return _Problem(where, f"{shown}is none of {choices}", f"set {dotted} to one of them")
    if details["type"] in ("model_type", "dict_type"):
        return _Problem(where, f"{shown}is not a mapping", "write keys and values below it")
    reason, _, hint = details["msg"].removeprefix("Value error, ").partition("; ")
    if details["type"] != "value_error":
        reason = f"is wrong, {reason[:1].lower()}{reason[1:]}"
    return _Problem(where, f"{shown}{reason}", hint or f"mend {dotted}")


def _nearest(key: str, known: Iterable[str]) -> str:
    names = list(known)
    close = get_close_matches(key.lower(), names, n=1)
    return f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(names)}"


def _keys_at(path: KeyPath) -> list[str]:
    """Names that the file format knows at `path`."""
    model: Any = Config
    for key in path:
        annotation = model.model_fields[key].annotation if key in model.model_fields else model
        values = [kind for kind in get_args(annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        model = values[0] if values else annotation
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _shown(config: Config) -> Data:
    shown = config.model_dump(mode="json", exclude={"queues"})
    shown["redis"]["url"] = masked_url(config.redis.url)
    defaults = config.queues.get(DEFAULTS)
    builtin = BUILT_IN_QUEUE if defaults is None else defaults.over(BUILT_IN_QUEUE)
    queues = {DEFAULTS: builtin.model_dump(mode="json", exclude={"timezone"} if builtin.timezone is None else set())}
    for name, queue in config.queues.items():
        if name != DEFAULTS:
            queues[name] = queue.model_dump(mode="json", exclude_none=True)
    return {**shown, "queues": queues}


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value and set(value) == {"*"}:
        return MASK
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if value != "" else '""'


def _origin(path: KeyPath, origins: Mapping[KeyPath, str]) -> str | None:
    """Where the value at `path`, or the list or mapping around it, was given; None: nowhere."""
    around = (path[:length] for length in range(len(path), 0, -1))
    return next((origins[outer] for outer in around if outer in origins), None)
