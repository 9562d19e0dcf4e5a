"""Numerical kernels: numpy arrays in, numpy arrays out, no project type."""
