"""Errors, units and tables: what every other floor stands on."""
