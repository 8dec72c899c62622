"""`mx.onnx`: networks as ONNX files, and baryon as an engine of the standard (`backend`)."""
