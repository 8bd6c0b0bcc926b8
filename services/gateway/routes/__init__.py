"""Understands the gateway's routes, one resource a file."""
