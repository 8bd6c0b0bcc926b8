"""Understands what is the same in every HTTP answer."""
