"""What people and programs ask for, as manifests and patches that are checked before they are sent.

The command line, triggers and executions with sub-executions use them.
"""
