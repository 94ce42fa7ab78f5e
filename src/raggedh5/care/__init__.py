"""Whole files: check, recover, repair, repack, copy, merge, organise and describe them."""

from raggedh5.care.describe import describe
from raggedh5.care.description import Description
from raggedh5.care.lookup import rows_by
from raggedh5.care.organise import OrganiseReport, organise
from raggedh5.care.plot import plot_lengths
from raggedh5.care.recover import RecoveryReport, recover
from raggedh5.care.repair import RepairReport, repair, validate_and_repair_if_needed
from raggedh5.care.validate import ValidationReport, validate

__all__ = [
    "Description",
    "OrganiseReport",
    "RecoveryReport",
    "RepairReport",
    "ValidationReport",
    "describe",
    "organise",
    "plot_lengths",
    "recover",
    "repair",
    "rows_by",
    "validate",
    "validate_and_repair_if_needed",
]
