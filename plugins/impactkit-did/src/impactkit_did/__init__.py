"""Difference-in-differences metrics for impactkit."""
