"""Benchmarks: each kernel and each rulebook in bulk beside its named alternative in the same run."""
