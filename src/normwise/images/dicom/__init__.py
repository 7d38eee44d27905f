"""Dicom."""

__all__ = []
