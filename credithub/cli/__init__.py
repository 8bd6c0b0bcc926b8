"""Understands what a person types: the `credithub` command."""
