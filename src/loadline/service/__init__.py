"""REST and WebSocket faces of the engine."""
