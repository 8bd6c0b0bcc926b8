"""Understands how services keep facts in PostgreSQL."""
