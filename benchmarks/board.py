"""The wallboard in a real browser, with a look at every frame at what its tiles say."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from benchmarks.sighting import Sighting
from streams.config.model import Config
from tests import servers
from tests.wallboard.browser import chromium, opened

UP_WITHIN_S: Final = 60.0
LOOK_EVERY_S: Final = 1.0
KPI: Final = "answered"

# What a frame's callback reads was written before that frame is painted: the next callback comes after the paint.
LOOK: Final = """
() => {
  window.sightings = [];
  const before = new Map();
  let fresh = [];
  const look = () => {
    const now = Date.now();
    window.sightings.push(...fresh.map(([queue, count]) => [queue, count, now]));
    fresh = [];
    for (const button of document.querySelectorAll("article button.number[data-kpi=%s]")) {
      const count = Number(button.querySelector(".large").textContent.replace(/[^0-9]/g, ""));
      const queue = button.dataset.queue;
      if (count && before.get(queue) !== count) {
        before.set(queue, count);
        fresh.push([queue, count]);
      }
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
"""
TAKE: Final = "() => window.sightings.splice(0)"


class Board(Sighting):
    """Sightings of counters on a page; in a thread of its own until `stop`."""

    def __init__(self, url: str | None) -> None:
        """None: there is no board, and nothing is seen."""
        super().__init__()
        self._url = url
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        if url is not None:
            self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        if self._url is not None:
            self._thread.join()

    def _run(self) -> None:
        assert self._url is not None
        with chromium() as browser, opened(browser, self._url) as page:
            page.evaluate(LOOK % KPI)
            while not self._stopped.wait(LOOK_EVERY_S):
                self._take(page)
            self._take(page)

    def _take(self, page: Page) -> None:
        seen: list[Any] = page.evaluate(TAKE) or []
        self.seen += [(queue, count, at) for queue, count, at in seen if queue != "*"]


@contextlib.contextmanager
def board(config: Config, directory: Path, channel: str, window: str) -> Iterator[Board]:
    """A wallboard process on the worker's Redis, and a browser that shows it."""
    port = servers.free_port()
    file = directory / "wallboard.json.yaml"
    shown = {"redis": {"url": config.redis.url, "prefix": config.redis.prefix}, "wallboard": {"port": port}}
    file.write_text(json.dumps(shown), encoding="utf-8")
    log = directory / "wallboard.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "streams", "wallboard", "--config", str(file)],
            env=os.environ.copy(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        url = f"http://127.0.0.1:{port}/"
        _wait_until_up(url, process, log)
        seen = Board(f"{url}?channel={channel}&window={window}&order=name&kiosk=1&tiles=20")
        try:
            yield seen
        finally:
            seen.stop()
    finally:
        process.terminate()
        process.wait()


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + UP_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.2)
    raise RuntimeError(f"the wallboard does not start:\n{log.read_text(errors='replace')[-2000:]}")
