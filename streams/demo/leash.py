"""Starts a command that ends when its parent does, however that happens: `python -m streams.demo.leash PARENT …`.

Linux does it by itself once asked, so there the command takes the place of this process. Elsewhere this process stays,
looks whether its parent is still there, and ends the command when it is not.
"""

import ctypes
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Final

LOOK_S: Final = 0.5

_PR_SET_PDEATHSIG: Final = 1


def leashed(command: Sequence[str]) -> list[str]:
    """`command`, to be started by this process, ended with it."""
    return [sys.executable, "-m", "streams.demo.leash", str(os.getpid()), *command]


def main(arguments: Sequence[str]) -> int:
    """Become the command, or run it; the exit code."""
    parent, command = int(arguments[0]), list(arguments[1:])
    if platform.system() == "Linux":
        # SIGKILL: its peers end in the same instant, so a clean end would only wait for them
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            os.execvp(command[0], command)  # noqa: S606 (the command is ours)
        return 1
    return watch(parent, command)


def watch(parent: int, command: Sequence[str]) -> int:
    """Run the command while `parent` lives; its exit code. SIGTERM is passed on."""
    child = subprocess.Popen(command)  # noqa: S603 (as above)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    while os.getppid() == parent and child.poll() is None:
        time.sleep(LOOK_S)
    if child.poll() is None:
        child.kill()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
