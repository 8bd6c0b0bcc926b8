"""Understands what a fact means for the archive and for those who must act: decisions only, no I/O and no clock."""
