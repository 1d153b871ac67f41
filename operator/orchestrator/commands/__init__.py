"""What people and programs ask for, as manifests and patches that are checked before they are sent.

The commands of the command line are in `cli.commands`.
"""
