"""The rules of the passes, as data: one theme a file.

How to add one: docs/recipes/add-a-rule.md.
"""
