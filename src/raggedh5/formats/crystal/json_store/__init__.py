"""Structures as JSON: in a group each, or packed in one table."""
