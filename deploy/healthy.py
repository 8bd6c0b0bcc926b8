"""Understands a container's own question whether its service is ready: exit code 0 when the address answers 200."""

from __future__ import annotations

import ssl
import sys
import urllib.request

SECONDS = 5


def main(url: str) -> int:
    """Asks on loopback only, and sends nothing, so the certificate's name does not matter here."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with urllib.request.build_opener(*handlers).open(url, timeout=SECONDS) as answer:
            return 0 if answer.status == 200 else 1
    except OSError as problem:
        print(f"{url}: {problem}")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
