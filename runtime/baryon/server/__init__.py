"""Serve compiled networks by the Open Inference Protocol, version 2.

`baryon serve` starts it. Needs the extra `serve` (uvloop, httptools, orjson, ...), and of baryon
only the runtime.
"""
