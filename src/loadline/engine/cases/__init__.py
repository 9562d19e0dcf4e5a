"""Adapters from case files to the engine, one module per model family."""
