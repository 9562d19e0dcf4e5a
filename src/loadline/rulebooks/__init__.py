"""Margin rules, one module and one dated parameter file per venue."""
