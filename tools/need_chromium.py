"""Understands whether the browser tests have their browser: installs it where one may, else says what to run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL = ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"]


def main() -> None:
    found = browser()
    if found:
        print(f"[browser] {found}")
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        install()
        if browser():
            return
    sys.exit(
        "浏览器测试需要 Chromium，请运行后重试 / the browser tests need Chromium; run this, then again:\n"
        f"  sudo {' '.join(INSTALL)}"
    )


def browser() -> str | None:
    """The Chromium the tests drive: CHROMIUM names one, otherwise the first found."""
    named = os.environ.get("CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


def install() -> None:
    print(f"[browser] 安装 Chromium / installing Chromium: {' '.join(INSTALL)}", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update"], env=quiet, check=False, stdout=subprocess.DEVNULL)
    subprocess.run(INSTALL, env=quiet, check=False, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
