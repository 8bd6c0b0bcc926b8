"""Understands how an agency hears of its obligations."""
