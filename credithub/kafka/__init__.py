"""Understands how bytes reach Kafka, leave it again, and who may touch them."""
