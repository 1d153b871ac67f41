"""Suggestions for input that is written as in other systems.

Tables of the fields, values, shapes and references of Argo Workflows, Tekton, GitHub Actions,
Ansible and Kubernetes, with their equivalents. They are used only for messages about refused input
and likely mistakes, and never change which input is accepted.
"""
