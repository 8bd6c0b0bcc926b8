"""Understands nothing by itself: the SQL of the matcher, one noun a file."""
