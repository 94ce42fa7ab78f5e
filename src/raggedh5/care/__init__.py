"""Whole files: check, recover, repair, repack, copy, merge, organise and describe them."""

from raggedh5.care.validate import ValidationReport, validate

__all__ = ["ValidationReport", "validate"]
