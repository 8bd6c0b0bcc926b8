"""Understands which four things run: one package each."""
