"""Understands how Kafka, PostgreSQL and the four services run together on one machine."""
