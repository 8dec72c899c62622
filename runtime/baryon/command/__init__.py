"""The command `baryon`, and those of its commands that need no compiler."""
