"""Files and venue payloads to and from model tables."""
