"""What a pass works with: the caches it reads, the client it writes with, the clock it asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.controller.accounts import ServiceAccounts
from orchestrator.controller.cache import Cache, Jobs, Pods, Raw
from orchestrator.controller.client import ApiClient
from orchestrator.controller.figures import Figures
from orchestrator.controller.livejobs import LiveJobs
from orchestrator.controller.livereads import LiveReads
from orchestrator.controller.metrics import MetricsWriter
from orchestrator.controller.pending import PendingPods
from orchestrator.controller.protection import Protection
from orchestrator.controller.queue import WorkQueue
from orchestrator.controller.recorder import Recorder


@dataclass(frozen=True, slots=True)
class Shell:
    """The outside of the execution passes."""

    client: ApiClient
    clock: Callable[[], float]
    """Seconds since the epoch."""
    executions: Cache
    """Executions that have not ended, in full."""
    jobs: Jobs
    pods: Pods
    workflows: Cache
    templates: Cache
    cluster_templates: Cache
    pending: PendingPods
    queue: WorkQueue[tuple[str, str]]
    """(namespace, name) of executions to look at."""
    recorder: Recorder
    metrics: MetricsWriter
    figures: Figures
    remember: Callable[[Raw], None]
    """Told of every execution whose end is stored."""
    accounts: ServiceAccounts
    protection: Protection
    live_jobs: LiveJobs
    live_reads: LiveReads
    runner_image: str
