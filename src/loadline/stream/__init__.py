"""Requirements kept current from a stream of events."""
