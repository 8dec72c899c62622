"""The `baryon` command. `main` starts it; every command has a file of its own."""
