"""`scripts/torch_families`: networks that torch exports, by both of its exporters.

`write` and `networks` run where torch is, everything else where baryon is.
"""
