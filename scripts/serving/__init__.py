"""Measures `baryon serve` on loopback; `scripts/bench_server` runs it."""
