"""Benchmarks: raggedh5 beside the ways people store ragged batches now."""
