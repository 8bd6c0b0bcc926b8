"""Understands what can be wrong with the machinery around us, as opposed to what a client sent.

CreditHubError
├── ConfigurationError   a setting or secret is missing, malformed or a known sample
├── Unavailable          Kafka or PostgreSQL is away; the caller may try again later
├── Fenced               another process owns this work now; drop it and look again
└── PositionGone         Kafka no longer has what is to be read next; a person must decide
"""

from __future__ import annotations


class CreditHubError(Exception):
    """Anything that CreditHub itself raises."""


class ConfigurationError(CreditHubError):
    """A setting or secret is missing, malformed or a known sample."""


class Unavailable(CreditHubError):
    """Kafka or PostgreSQL is away. What was under way is unknown, not failed."""


class Fenced(CreditHubError):
    """Another process has taken this work over; nothing of ours may be written."""


class PositionGone(CreditHubError):
    """Kafka no longer has the record that comes next: to go on would lose what lies between, unseen."""
