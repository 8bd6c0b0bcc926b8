"""Understands the notifier's tables: the only place in this room that speaks SQL."""
