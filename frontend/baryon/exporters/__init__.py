"""File formats that modules of the IR are written in; each has a package."""
