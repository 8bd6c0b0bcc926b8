"""Understands how a fresh machine gets this project's environment: `.venv`, filled from the hashed lock.

Needs Python alone. Where everything is in place it does nothing and asks nobody, so it works offline. Downloads
go wherever pip is told to go: its own settings, mirrors and proxies are respected, none is named here.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "lock.sha256"
LOCK = ROOT / "requirements-dev.lock"
SHOWN = ("Downloading", "Using cached", "Installing", "Successfully")


def main() -> None:
    if sys.version_info < (3, 11):
        sys.exit(f"需要 Python 3.11 以上，此处是 / needs Python 3.11 or later, this is {sys.version.split()[0]}")
    wanted = fingerprint()
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text(encoding="utf-8") == wanted:
        return
    if not PYTHON.exists():
        say("建立虚拟环境 / creating the environment: .venv")
        create()
    say("安装锁定的依赖 / installing the locked libraries: requirements-dev.lock")
    pip("install", "--require-hashes", "--requirement", str(LOCK))
    say("安装本项目 / installing this project")
    pip("install", "--no-deps", "--no-build-isolation", "--no-index", "--editable", str(ROOT))
    STAMP.write_text(wanted, encoding="utf-8")
    say("环境就绪 / the environment is ready")


def fingerprint() -> str:
    """Changes when the lock, the project's own metadata or the Python it was made for does."""
    parts = [
        LOCK.read_bytes(),
        (ROOT / "pyproject.toml").read_bytes(),
        str(ROOT).encode(),
        str(sys.version_info[:2]).encode(),
    ]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def create() -> None:
    try:
        venv.create(VENV, with_pip=True)
    except (ImportError, subprocess.CalledProcessError):
        sys.exit("此 Python 缺 venv/ensurepip，请先运行 / this Python lacks venv, first run: apt install python3-venv")


def pip(*arguments: str) -> None:
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip().startswith(SHOWN):
                print("  " + line.strip()[:110], flush=True)
    if process.returncode:
        sys.exit(f"pip 未成功，见上文；代理与镜像用 pip 自己的设置 / pip failed, see above: pip {' '.join(arguments)}")


def say(words: str) -> None:
    print(f"[setup] {words}", flush=True)


if __name__ == "__main__":
    main()
