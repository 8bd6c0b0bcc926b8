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
# Obligations ended or suspended that their agencies were told of and have not let go.
STILL_HOLDING = Gauge("credithub_still_holding", "Obligations ended or suspended but not confirmed", registry=REGISTRY)
# Hours since the longest of them ended or was suspended: how long an agency has acted on what is no more.
STILL_HOLDING_HOURS = Gauge(
    "credithub_still_holding_hours", "Hours the longest still-holding agency has held", registry=REGISTRY
)
# Mandatory obligations whose due date has passed without an answer.
OVERDUE = Gauge("credithub_overdue", "Obligations overdue and unanswered", registry=REGISTRY)
# Times an agency that still holds was told again.
REMINDERS = Counter("credithub_reminders_total", "Reminders written", registry=REGISTRY)
# Times a superior was told of what its agency has not answered.
ESCALATIONS = Counter("credithub_escalations_total", "Escalations written", registry=REGISTRY)
# Due moments that nobody has worked yet: does the clock keep up?
MOMENTS_DUE = Gauge("credithub_moments_due", "Due moments not yet worked", registry=REGISTRY)
# Days since the oldest of them fell due.
MOMENTS_LAG_DAYS = Gauge("credithub_moments_lag_days", "Days the oldest due moment has waited", registry=REGISTRY)

# Rows that retention has removed, by dataset: is the database kept in bounds, and is nothing else taken?
RETENTION_REMOVED = Counter(
    "credithub_retention_removed_total", "Rows removed by retention", ["dataset"], registry=REGISTRY
)

# Hours for which an agency has held what was suspended or has ended: whom to call first. One label an agency that holds.
HOLDING_HOURS = Gauge(
    "credithub_agency_holding_hours", "Hours an agency's oldest unconfirmed end is held", ["agency"], registry=REGISTRY
)
# What was triggered this quarter, and what became of it: the accounting of 国发〔2016〕33号 四(二十三).
ACCOUNTING = Gauge(
    "credithub_accounting_obligations",
    "Obligations of this quarter by what became of them",
    ["figure"],
    registry=REGISTRY,
)
# The four violations of 国办发〔2020〕49号 九, this quarter.
VIOLATIONS = Gauge("credithub_accounting_violations", "Violations this quarter", ["violation"], registry=REGISTRY)


def exposition() -> bytes:
    """All metrics in Prometheus' text format."""
    return generate_latest(REGISTRY)
