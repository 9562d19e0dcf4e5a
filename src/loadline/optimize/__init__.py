"""Trades, transfers and swaps that lower a requirement, with a certificate where one exists."""
