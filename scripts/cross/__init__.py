"""Networks compiled for another machine, and run by an emulator of it."""
