"""Understands that a cluster's random name can be given to Kafka's own command."""

from __future__ import annotations

from credithub.embedded.kafka import cluster_id


def test_a_cluster_id_never_looks_like_an_option() -> None:
    names = [cluster_id() for _ in range(2_000)]
    assert not any(name.startswith("-") for name in names)
    assert {len(name) for name in names} == {22}
