"""Checking that two formats hold the same trajectory."""
