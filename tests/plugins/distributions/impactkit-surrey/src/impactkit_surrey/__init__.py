"""Suspensions from an authority's own log."""
