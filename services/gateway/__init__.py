"""Understands the hub's front door: who posts, who reads."""
