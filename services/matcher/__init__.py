"""Understands whose a fact is, which obligations follow from it."""
