"""Compares baryon's names with those of MXNet 2's interface."""
