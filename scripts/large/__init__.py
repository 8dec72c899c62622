"""Models whose weights are larger than a protobuf may be: `scripts/large_model`."""
