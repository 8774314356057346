"""Prints what Alertmanager sends: the receiver of the example routes. `python notifications.py PORT`, loopback only."""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Receiver(BaseHTTPRequestHandler):
    """Takes a notification at any path, and prints one line for each of its alerts."""

    def do_POST(self) -> None:
        """Answer 200, as Alertmanager expects."""
        notification = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for alert in notification["alerts"]:
            labels, summary = alert["labels"], alert["annotations"]["summary"]
            where = " ".join(labels[name] for name in ("channel", "queue") if name in labels)
            print(self.path.strip("/"), alert["status"], labels["alertname"], where, "-", summary)
        sys.stdout.flush()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing of the requests themselves."""


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
