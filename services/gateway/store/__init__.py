"""Understands what the gateway keeps and reads in PostgreSQL."""
