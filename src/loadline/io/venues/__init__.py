"""Venue payloads to model tables, one module per venue."""
