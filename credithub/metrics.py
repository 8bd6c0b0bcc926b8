"""Understands what is counted: every metric of the house, with its unit and the reason it exists."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()

# How many entries or messages a stage has finished, by how they ended: events per minute on /ops.
HANDLED = Counter(
    "credithub_handled_total", "Entries handled by stage and outcome", ["stage", "outcome"], registry=REGISTRY
)
# How long a stage took for one batch, in seconds: where the time goes.
BATCH_SECONDS = Histogram(
    "credithub_batch_seconds",
    "Seconds a batch took",
    ["stage"],
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
# Messages between a consumer's position and the end of its topic: is a stage falling behind?
LAG_MESSAGES = Gauge("credithub_lag_messages", "Messages behind the end of the topic", ["topic"], registry=REGISTRY)
# Age in seconds of the oldest message not yet handled: what falling behind means to a user.
LAG_SECONDS = Gauge("credithub_lag_seconds", "Age of the oldest unhandled message", ["topic"], registry=REGISTRY)
# Rows in the outbox that no topic has yet: an obligation nobody has heard of.
OUTBOX_UNPUBLISHED = Gauge(
    "credithub_outbox_unpublished", "Outbox rows not yet published", ["service"], registry=REGISTRY
)
# Times a dependency was away when asked: Kafka or PostgreSQL.
DEPENDENCY_ERRORS = Counter(
    "credithub_dependency_errors_total", "Failures of Kafka or PostgreSQL", ["dependency"], registry=REGISTRY
)
# Requests by route and status: what clients see.
REQUESTS = Counter("credithub_http_requests_total", "HTTP requests", ["route", "status"], registry=REGISTRY)
# Deliveries to agencies by channel and end of the attempt.
ATTEMPTS = Counter("credithub_attempts_total", "Delivery attempts", ["channel", "outcome"], registry=REGISTRY)
# Deliveries that have not arrived yet, by state: what agencies have still to hear.
DELIVERIES = Gauge("credithub_deliveries", "Deliveries not yet arrived, by state", ["state"], registry=REGISTRY)
# Seconds the oldest notification has waited for its agency's acknowledgement.
OLDEST_UNACKNOWLEDGED = Gauge(
    "credithub_oldest_unacknowledged_seconds", "Age of the oldest unacknowledged notification", registry=REGISTRY
)
# Obligations whose end was told and not confirmed: agencies still holding.
STILL_HOLDING = Gauge("credithub_still_holding", "Obligations ended but not confirmed", registry=REGISTRY)


def exposition() -> bytes:
    """All metrics in Prometheus' text format."""
    return generate_latest(REGISTRY)
