"""Metrics of kent."""
