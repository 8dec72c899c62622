"""Networks that go out to ONNX, compared with what they were."""
