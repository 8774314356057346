"""A progress bar on a terminal, nothing elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

Advance = Callable[[int], None]
"""Told the bytes done so far."""


@contextmanager
def progress_bar(title: str, total: int | None, *, shown: bool = True) -> Iterator[Advance]:
    """Show a bar on standard error while it is a terminal; `total` in bytes, None: not known."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(
        *columns,
        console=console,
        transient=True,
        disable=not (shown and console.is_terminal),
        redirect_stdout=False,  # what goes to standard output, a pipe perhaps, must stay there
        redirect_stderr=False,
    ) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)
