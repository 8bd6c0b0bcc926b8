"""Understands nothing by itself: the doors to Kafka."""
