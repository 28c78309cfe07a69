"""The distributions in this folder are installed by a test, and bring tests of their own."""

collect_ignore = ["distributions"]
