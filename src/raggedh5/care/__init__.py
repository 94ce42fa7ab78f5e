"""Whole files: check, recover, repair, repack, copy, merge, organise and describe them."""

from raggedh5.care.recover import RecoveryReport, recover

__all__ = ["RecoveryReport", "recover"]
