"""Understands the words of public credit: pure values and rules, without input, output or clock."""
