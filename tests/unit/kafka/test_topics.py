"""Understands what the closed table of topics promises of each."""

from __future__ import annotations

from credithub.topics import HUB_TOPICS, agency_topics


def test_every_record_is_flushed_before_it_is_acknowledged() -> None:
    """Interleavings 19: an ack lets whoever sent it forget, so a power cut must not take it back."""
    for topic in (*HUB_TOPICS.values(), *agency_topics("mnr-130822")):
        assert topic.config()["flush.messages"] == "1", topic.name
