"""The kinds of objects that we read and write, and their paths on the API server."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.models.base import GROUP, VERSION


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource type of the API; `group` is empty for the core group."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short: str = ""
    """The short name, for our own kinds."""

    @property
    def api_version(self) -> str:
        """In the form of manifests: `batch/v1`, `v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str = "", subresource: str = "") -> str:
        """The path of one object or, without a name, of the collection.

        A namespaced resource without a namespace is the collection across all namespaces.
        """
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


def _ours(plural: str, kind: str, short: str, *, namespaced: bool = True) -> Resource:
    return Resource(GROUP, VERSION, plural, kind, namespaced, short)


# The same as in crds, where each is declared with its models: importing those takes longer than
# most commands run. A test compares them.
WORKFLOWS = _ours("workflows", "Workflow", "awf")
EXECUTIONS = _ours("workflowexecutions", "WorkflowExecution", "awfx")
TRIGGERS = _ours("triggers", "Trigger", "awft")
TEMPLATES = _ours("templates", "Template", "atpl")
CLUSTER_TEMPLATES = _ours("clustertemplates", "ClusterTemplate", "actpl", namespaced=False)
INCIDENTS = _ours("incidents", "Incident", "ainc")
KINDS = (WORKFLOWS, EXECUTIONS, TRIGGERS, TEMPLATES, CLUSTER_TEMPLATES, INCIDENTS)
"""The kinds of our own API."""
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", False)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", "StatefulSet")
DAEMON_SETS = Resource("apps", "v1", "daemonsets", "DaemonSet")
JOBS = Resource("batch", "v1", "jobs", "Job")
CRON_JOBS = Resource("batch", "v1", "cronjobs", "CronJob")
PODS = Resource("", "v1", "pods", "Pod")
APPLICATIONS = Resource("argoproj.io", "v1alpha1", "applications", "Application")
"""Of Argo CD."""
ROLLOUTS = Resource("argoproj.io", "v1alpha1", "rollouts", "Rollout")
"""Of Argo Rollouts."""
POD_METRICS = Resource("metrics.k8s.io", "v1beta1", "pods", "PodMetrics")
"""Served by metrics-server, or by what replaces it."""
SERVICES = Resource("", "v1", "services", "Service")
NODES = Resource("", "v1", "nodes", "Node", False)
INGRESSES = Resource("networking.k8s.io", "v1", "ingresses", "Ingress")
AUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
DISRUPTION_BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS = Resource("", "v1", "secrets", "Secret")
"""Read by the receiver and by users; the operator reads none."""
CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
EVENTS = Resource("", "v1", "events", "Event")
_ADMISSION = "admissionregistration.k8s.io"
POLICIES = Resource(
    _ADMISSION, "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", False
)
POLICY_BINDINGS = Resource(
    _ADMISSION, "v1", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", False
)
CONTROLLER_REVISIONS = Resource("apps", "v1", "controllerrevisions", "ControllerRevision")
