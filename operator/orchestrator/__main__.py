"""`python -m orchestrator`, the same as the command `orchestrator`."""

from orchestrator.entry import main

main()
