"""Understands how fast each path is beside its floor, measured in the same run."""
