"""Whole files: check, recover, repair, repack, copy, merge, organise and describe them."""

from raggedh5.care.copying import CopyReport, copy
from raggedh5.care.merge import MergeReport, merge
from raggedh5.care.repack import RepackReport, repack

__all__ = ["CopyReport", "MergeReport", "RepackReport", "copy", "merge", "repack"]
