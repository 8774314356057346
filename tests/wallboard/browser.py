"""A real Chromium without a window, driven over its debugging protocol: what a person at the board would see.

with chromium() as page:
    page.open(url)
    page.wait_for("document.querySelector('h3')?.textContent === 'billing'")
"""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome")
GIVE_UP_S = 30

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


@contextlib.contextmanager
def chromium() -> Iterator["Page"]:
    """A browser with one page, a profile of its own, ended at the end."""
    program = next(filter(None, map(shutil.which, NAMES)), "chromium")
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        command = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": {**os.environ, "HOME": profile}}
        process = subprocess.Popen(command, start_new_session=True, **quiet)
        try:
            with asyncio.Runner() as runner:
                session, socket = runner.run(_connect(_port(Path(profile), process)))
                yield Page(runner, socket)
                runner.run(session.close())
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()


def _port(profile: Path, process: subprocess.Popen) -> int:
    deadline = time.monotonic() + GIVE_UP_S
    told = profile / "DevToolsActivePort"
    while time.monotonic() < deadline and process.poll() is None:
        if told.exists() and (text := told.read_text().split()):
            return int(text[0])
        time.sleep(0.05)
    raise RuntimeError("Chromium did not start")


async def _connect(port: int) -> tuple[aiohttp.ClientSession, aiohttp.ClientWebSocketResponse]:
    session = aiohttp.ClientSession()
    async with asyncio.timeout(GIVE_UP_S):
        while not (page := await _first_page(session, port)):  # noqa: ASYNC110 (it is asked over HTTP)
            await asyncio.sleep(0.05)
    return session, await session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0)


async def _first_page(session: aiohttp.ClientSession, port: int) -> dict[str, Any] | None:
    """None: the browser answers before it has one."""
    async with session.get(f"http://127.0.0.1:{port}/json/list") as response:
        targets = await response.json()
    return next((target for target in targets if target["type"] == "page"), None)


class Page:
    """What a test does with the page. `errors` are what the page complained about: exceptions, refused resources."""

    def __init__(self, runner: asyncio.Runner, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._runner = runner
        self._socket = socket
        self._last_id = 0
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def resize(self, width: int, height: int, scale: float = 1) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
        self._call("Emulation.setDeviceMetricsOverride", **size)

    def open(self, url: str) -> None:
        self._call("Page.navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_for(self, expression: str, *, meanwhile: Callable[[], object] = bool) -> Any:
        """The first truthy value of a JavaScript expression; fails with what the page shows if it never is."""
        deadline = time.monotonic() + GIVE_UP_S
        while time.monotonic() < deadline:
            meanwhile()
            value = self.evaluate(expression)
            if value:
                return value
            time.sleep(0.1)
        raise AssertionError(f"never true: {expression}\n{self.evaluate('document.body.innerText')}")

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._runner.run(self._exchange(method, parameters))

    async def _exchange(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._last_id += 1
        await self._socket.send_str(json.dumps({"id": self._last_id, "method": method, "params": parameters}))
        async with asyncio.timeout(GIVE_UP_S):
            while True:
                message = json.loads((await self._socket.receive()).data)
                if message.get("id") == self._last_id:
                    return message.get("result", {})
                self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(str(message["params"]["exceptionDetails"].get("exception", {}).get("description")))
        if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.errors.append(message["params"]["entry"]["text"])
