"""Labelled arrays that remember the arithmetic that made them; no finance."""
