"""The typical change of a partnership."""
