"""Understands how to stand in for a service: answers /readyz, and exits on SIGTERM. `fake_service.py NAME`."""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"service": sys.argv[1], "ready": True}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    if sys.argv[1] == "gateway.bootstrap":
        print("chk_fake_key")
        return
    name = "HTTP_PORT" if sys.argv[1] == "gateway" else "HEALTH_PORT"
    HTTPServer(("127.0.0.1", int(os.environ[f"CREDITHUB_{name}"])), Health).serve_forever()


if __name__ == "__main__":
    main()
