"""Loadline: a portfolio margin engine that shows its arithmetic."""

__version__ = "0.1.0"
