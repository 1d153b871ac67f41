"""`python -m orchestrator`, the same as the command `orchestrator`."""

from orchestrator.cli.main import main

main()
