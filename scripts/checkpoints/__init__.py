"""Networks that MXNet exported, made by MXNet itself in environments of its own."""
