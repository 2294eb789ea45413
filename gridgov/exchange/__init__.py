"""Files in and out: reading, checking, planning and loading of imports; exports.

An import goes `registry` (which format) → a reader (a `SourceTable`) → `mapping` (which column is which
field) → `coordinates` (which system) → `checking` and `relations` (what is wrong) → `planning` (a `Plan` with
its report) → `loading` (one transaction). Nothing is written before the last step and nothing is guessed
silently in the others.
"""
