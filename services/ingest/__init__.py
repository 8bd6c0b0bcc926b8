"""Understands how a raw entry becomes a canonical event."""
