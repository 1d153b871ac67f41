"""What newcomers type out of habit, and its equivalent here.

Tables of what people know from Argo Workflows, Tekton, GitHub Actions, Ansible and Kubernetes
itself: fields, values, shapes and references. They are consulted only once something was refused,
or is a likely mistake, and only improve the message: they never change what is accepted.
"""
