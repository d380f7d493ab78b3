"""Drivers: one folder per kind of hardware, each with its configuration class and its driver class."""
