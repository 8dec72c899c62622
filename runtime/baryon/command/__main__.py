"""`python -m baryon.command`."""

from baryon.command.main import main

main()
