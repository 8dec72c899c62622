"""The backend suite of the onnx package, test by test in processes of their own."""
