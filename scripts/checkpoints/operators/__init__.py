"""Single operators of MXNet with inputs: tables by family, for MXNet 1's symbols and 2's arrays.

Imported only where MXNet is.
"""
