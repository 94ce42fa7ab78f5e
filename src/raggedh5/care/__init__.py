"""Whole files: check, recover, repair, repack, copy, merge, organise and describe them."""

from raggedh5.care.diagnosis.findings import Diagnosis
from raggedh5.care.doctor import doctor

__all__ = ["Diagnosis", "doctor"]
