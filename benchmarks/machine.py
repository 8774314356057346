"""What a figure was measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def processor() -> str:
    """The processor's name, its model and the number of cores."""
    fields = dict(
        (part.strip() for part in line.split(":", 1))
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if ":" in line
    )
    name = f"{fields.get('model name', platform.machine())}, model {fields.get('model', '?')}"
    return f"{name}, {fields.get('cpu MHz', '? ').split('.')[0]} MHz, {os.cpu_count()} cores"


def memory_gb() -> int:
    """All of it, in GiB, rounded."""
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def describe() -> dict[str, str]:
    """Name → value, for a report."""
    return {
        "processor": processor(),
        "memory": f"{memory_gb()} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "load when it began": f"{os.getloadavg()[0]:.1f}",
        "Python": platform.python_version(),
        "aiokafka": version("aiokafka"),
        "msgspec": version("msgspec"),
        "redis-py": version("redis"),
    }
