"""A way to a Redis that can be slowed down, and made to lead elsewhere, as an address does after a failover."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.servers import free_port


class Proxy:
    """Passes bytes on. Connections that are open stay with the server that they were opened to."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.target = target
        """Port of the server that new connections get."""
        self.delay_s = 0.0
        """How long each piece of an answer is held back."""
        self.opened = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
            await asyncio.gather(self._pass(reader, back, slowed=False), self._pass(there, writer, slowed=True))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slowed: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                if slowed:
                    await asyncio.sleep(self.delay_s)
                writer.write(data)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def proxy(target: int) -> AsyncIterator[Proxy]:
    made = Proxy(target)
    server = await asyncio.start_server(made.serve, "127.0.0.1", made.port)
    try:
        yield made
    finally:
        server.close()
