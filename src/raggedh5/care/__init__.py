"""Whole files: check, recover, repair, repack, copy, merge, organise and describe them."""

from raggedh5.care.repair import RepairReport, repair, validate_and_repair_if_needed
from raggedh5.care.validate import ValidationReport, validate

__all__ = [
    "RepairReport",
    "ValidationReport",
    "repair",
    "validate",
    "validate_and_repair_if_needed",
]
