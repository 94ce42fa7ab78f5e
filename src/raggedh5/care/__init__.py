"""Whole files: check, recover, repair, repack, copy, merge, organise and describe them."""

from raggedh5.care.diagnosis.findings import Diagnosis
from raggedh5.care.doctor import doctor
from raggedh5.care.metadata import get_metadata, set_metadata
from raggedh5.care.monitor import Monitor, monitor
from raggedh5.care.processing_log import log_processing, processing_log

__all__ = [
    "Diagnosis",
    "Monitor",
    "doctor",
    "get_metadata",
    "log_processing",
    "monitor",
    "processing_log",
    "set_metadata",
]
