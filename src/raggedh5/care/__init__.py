"""Whole files: check, recover, repair, repack, copy, merge, organise and describe them."""

from raggedh5.care.describe import describe
from raggedh5.care.description import Description
from raggedh5.care.lookup import rows_by
from raggedh5.care.organise import OrganiseReport, organise
from raggedh5.care.plot import plot_lengths
from raggedh5.care.recover import RecoveryReport, recover

__all__ = [
    "Description",
    "OrganiseReport",
    "RecoveryReport",
    "describe",
    "organise",
    "plot_lengths",
    "recover",
    "rows_by",
]
