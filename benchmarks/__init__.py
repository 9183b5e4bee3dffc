"""Measurements, run by hand on a quiet machine: ``python -m benchmarks.receiver`` and the like."""
