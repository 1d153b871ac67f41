"""Operations that users and programs request, as manifests and patches that are checked before they
are sent.

The command line, triggers and executions with sub-executions use them.
"""
