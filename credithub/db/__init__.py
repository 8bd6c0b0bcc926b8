"""Understands nothing by itself: the doors to PostgreSQL."""
