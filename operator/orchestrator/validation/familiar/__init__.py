"""What newcomers write out of habit, and its equivalent here.

Tables of fields, values, shapes and references from Argo Workflows, Tekton, GitHub Actions, Ansible
and Kubernetes itself. They are consulted only for refused input or likely mistakes, and only
improve the message: they never change what is accepted.
"""
