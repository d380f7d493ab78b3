"""Servers the demo, the tests and the development machine start by themselves, without installation."""
