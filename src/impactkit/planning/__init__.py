"""Before outcomes are read: what a design can detect, and what is decided in advance.

A study's files, metrics and names are resolved in `impactkit.pipeline.plan`.
"""
