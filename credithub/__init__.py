"""Understands nothing by itself: the shared room of CreditHub, the words and tools every service needs."""
