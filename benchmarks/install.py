"""Fetches and builds the peers: jars from Maven Central, wheels from PyPI, each Python peer in a venv of its own.

    python -m benchmarks.install

All of it lives in ~/.cache/contact-streams/peers, or where CONTACT_STREAMS_PEERS says, and is made once. What cannot be
had on this machine is left out, and reported so: `unavailable`.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

SOURCES: Final = Path(__file__).parent / "peers"
JAVA: Final = SOURCES / "java"
POM: Final = JAVA / "pom.xml"
REQUIREMENTS: Final = {
    "quix": ("quixstreams==3.28.1", "orjson"),
    "bytewax": ("bytewax[kafka]==0.21.1", "msgspec"),
    "pathway": ("pathway==0.33.0",),
}
"""Python peer → what is installed for it, itself first. Faust and the plain fold run on what the worker runs on."""


def folder() -> Path:
    """Where everything is kept."""
    return Path(os.environ.get("CONTACT_STREAMS_PEERS") or Path.home() / ".cache/contact-streams/peers")


def python(peer: str) -> Path:
    """The interpreter of a Python peer."""
    return folder() / peer / "bin/python" if peer in REQUIREMENTS else Path(sys.executable)


def version(name: str) -> str:
    """Of a peer: a name of `REQUIREMENTS`, a distribution beside the worker, or an artifact of the pom."""
    if name in REQUIREMENTS:
        return REQUIREMENTS[name][0].partition("==")[2]
    found = re.search(
        rf"<artifactId>{name}</artifactId>\s*<version>([^<$]+)</version>", POM.read_text(encoding="utf-8")
    )
    return found[1] if found else metadata.version(name)


def classpath() -> str:
    """Of the peers on the JVM."""
    return f"{folder() / 'java/classes'}:{folder() / 'java/lib'}/*"


def install(peer: str) -> str | None:
    """Make a peer ready (`java`, a name of `REQUIREMENTS`; all else is there). Returns why it cannot be, or None."""
    if peer != "java" and peer not in REQUIREMENTS:
        return None
    made = folder() / peer / ".made"
    wanted = _java_hash() if peer == "java" else "\n".join(REQUIREMENTS[peer])
    if made.exists() and made.read_text(encoding="utf-8") == wanted:
        return None
    print(f"installing {peer} into {made.parent}", file=sys.stderr, flush=True)
    try:
        _build_java() if peer == "java" else _make_venv(peer)
    except (subprocess.CalledProcessError, FileNotFoundError) as failed:
        return _reason(failed)
    made.write_text(wanted, encoding="utf-8")
    return None


def _make_venv(peer: str) -> None:
    home = folder() / peer
    shutil.rmtree(home, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(home)])
    _run([str(python(peer)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *REQUIREMENTS[peer]])


def _build_java() -> None:
    home = folder() / "java"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    maven = ["mvn", "--batch-mode", "--quiet", "-Dstyle.color=never", "--file", str(POM)]
    _run([*maven, "dependency:copy-dependencies", f"-DoutputDirectory={home / 'lib'}"])
    sources = [str(source) for source in sorted(JAVA.rglob("*.java"))]
    _run(["javac", "--release", "17", "-cp", f"{home / 'lib'}/*", "-d", str(home / "classes"), *sources])


def _java_hash() -> str:
    files = [POM, *sorted(JAVA.rglob("*.java"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def _reason(failed: subprocess.CalledProcessError | FileNotFoundError) -> str:
    if isinstance(failed, FileNotFoundError):
        return f"no {failed.filename} on this machine"
    lines = (failed.stderr or failed.stdout or "").strip().splitlines()
    return lines[-1] if lines else f"{failed.cmd[0]} ended with {failed.returncode}"


if __name__ == "__main__":
    for name in ("java", *REQUIREMENTS):
        print(f"{name}: {install(name) or 'ready'}")
