"""The engine room: the only code that turns bytes into rows, and rows into sums.

`files` is the one door from a file to a frame of text; `decode`, `delimited` and `workbook` stand
behind it. Opening a table in another engine (DuckDB, Spark) and aggregating there belongs here too,
so that no metric ever needs to know where the rows are.
"""
