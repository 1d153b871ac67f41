"""The commands: `command` in the file of its name; `orchestrator.cli.main` lists them."""
