"""Whole files: check, recover, repair, repack, copy, merge, organise and describe them."""

from raggedh5.care.copying import CopyReport, copy
from raggedh5.care.describe import describe
from raggedh5.care.description import Description
from raggedh5.care.diagnosis.findings import Diagnosis
from raggedh5.care.doctor import doctor
from raggedh5.care.lookup import rows_by
from raggedh5.care.merge import MergeReport, merge
from raggedh5.care.metadata import get_metadata, set_metadata
from raggedh5.care.monitor import Monitor, monitor
from raggedh5.care.organise import OrganiseReport, organise
from raggedh5.care.plot import plot_lengths
from raggedh5.care.processing_log import log_processing, processing_log
from raggedh5.care.recover import RecoveryReport, recover
from raggedh5.care.repack import RepackReport, repack
from raggedh5.care.repair import repair, validate_and_repair_if_needed
from raggedh5.care.salvaging.report import RepairReport
from raggedh5.care.validate import ValidationReport, validate

__all__ = [
    "CopyReport",
    "Description",
    "Diagnosis",
    "MergeReport",
    "Monitor",
    "OrganiseReport",
    "RecoveryReport",
    "RepackReport",
    "RepairReport",
    "ValidationReport",
    "copy",
    "describe",
    "doctor",
    "get_metadata",
    "log_processing",
    "merge",
    "monitor",
    "organise",
    "plot_lengths",
    "processing_log",
    "recover",
    "repack",
    "repair",
    "rows_by",
    "set_metadata",
    "validate",
    "validate_and_repair_if_needed",
]
