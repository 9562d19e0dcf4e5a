"""Replays of history: snapshots in, requirements and ledger entries out."""
