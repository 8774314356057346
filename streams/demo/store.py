"""The embedded store: redis-server where there is one, else fakeredis (`python -m streams.demo.store PORT`)."""

import shutil
import sys
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"


def redis_server() -> str | None:
    """The program, where it is on the PATH."""
    return shutil.which("redis-server")


def store_command(port: int, home: Path) -> list[str]:
    """What to start: it listens on loopback and keeps nothing on disk."""
    program = redis_server()
    if program is None:
        return [sys.executable, "-m", "streams.demo.store", str(port)]
    address = ["--bind", HOST, "--port", str(port)]
    return [program, *address, "--save", "", "--appendonly", "no", "--dir", str(home)]


def main(port: int) -> None:
    """Serve the Redis protocol from this process until a signal ends it."""
    from fakeredis import TcpFakeServer  # noqa: PLC0415 (only where there is no redis-server)

    TcpFakeServer((HOST, port), server_type="redis").serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
