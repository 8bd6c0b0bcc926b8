"""Understands the county bureau that make run plays."""
