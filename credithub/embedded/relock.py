"""Understands how the lock of Kafka's jars is made anew: `python -m credithub.embedded.relock 4.4.0`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from jgo.maven import MavenContext

from credithub.embedded.jars import LOCK, digest

BINDING = "log4j-slf4j-impl"  # Kafka's jars bring log4j but not what binds its slf4j to it


def main(version: str) -> None:
    """Resolves Kafka alone: log4j's own bill of materials would drag an older kafka-clients in."""
    context = MavenContext(timeout=60)
    inputs, more = context.resolver.resolve([context.create_dependency(f"org.apache.kafka:kafka_2.13:{version}")])
    found = [*inputs, *more]
    log4j = next(dep for dep in found if dep.artifactId == "log4j-core")
    found.append(context.create_dependency(f"{log4j.groupId}:{BINDING}:{log4j.version}"))
    jars = [_entry(f"{dep.groupId}:{dep.artifactId}:{dep.version}", dep.artifact.resolve()) for dep in found]
    content = {"version": version, "jars": sorted(jars, key=lambda jar: str(jar["coordinate"]))}
    Path(__file__).with_name(LOCK).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _entry(coordinate: str, file: Path) -> dict[str, str | int]:
    return {"coordinate": coordinate, "sha256": digest(file), "size": file.stat().st_size}


if __name__ == "__main__":
    main(sys.argv[1])
