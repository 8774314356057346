"""Errors that a user meets, each with its exit code and a hint how to mend it.

    ContactStreamsError            exit 1
    ├── ConfigError                exit 2   configuration or usage is wrong: names the field, the reason, the mending
    ├── InputError                 exit 1   a file cannot be read
    ├── ConnectionFailed           exit 1   Kafka or Redis cannot be reached, or lacks what is needed
    ├── StateError                 exit 1   stored state does not fit this program or its input
    └── FindingsError              exit 3   a check found something (`--strict`, `check-config`)

Bad events are values (`events.Rejected`), not errors.
"""


class ContactStreamsError(Exception):
    """Base of all errors shown to a user: message, then hint."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(ContactStreamsError):
    """The configuration or the command line is wrong."""

    exit_code = 2


class InputError(ContactStreamsError):
    """A file cannot be read."""


class ConnectionFailed(ContactStreamsError):
    """A server cannot be reached, or lacks what is needed."""


class StateError(ContactStreamsError):
    """Stored state does not fit this program, its settings or its input."""


class FindingsError(ContactStreamsError):
    """A check has found something."""

    exit_code = 3
