"""Estimates of volatility, correlation and jumps as they stood at a given time."""
