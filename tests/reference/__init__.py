"""Slow, readable twins: what each kernel must equal, written as plain loops."""
