"""Benchmarks: Stretto beside the references, on the same server, in the same run."""
