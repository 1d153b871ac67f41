"""What holds of every run, whatever the graph and however its Jobs end."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.engine.graph import Graph
from orchestrator.models.execution import DesiredState
from tests.simulation.world import START, Result, Script, World
from tests.strategies import graphs, results

VARIABLES = {"yes": True, "no": False}
FAILURES = ("Failed", "TimedOut")
runs = settings(max_examples=150, deadline=None)


def script_of(endings: list[Result]) -> Script:
    """The endings dealt out by node and attempt, the same for the same node and attempt."""

    def script(node: str, attempt: int) -> Result:
        return endings[(int(node[1:]) * 7 + attempt) % len(endings)]

    return script


@runs
@given(compiled=graphs(), endings=st.lists(results, min_size=1, max_size=8))
def test_every_run_ends_with_every_node_at_its_end(compiled: Graph, endings: list[Result]) -> None:
    world = World(compiled, script_of(endings), VARIABLES).play()
    assert set(world.run.records) == set(compiled.nodes)
    assert all(record.phase.terminal for record in world.run.records.values())


@runs
@given(compiled=graphs(), endings=st.lists(results, min_size=1, max_size=8))
def test_no_job_starts_before_everything_that_leads_to_it_has_ended(
    compiled: Graph, endings: list[Result]
) -> None:
    world = World(compiled, script_of(endings), VARIABLES).play()
    for (name, _), job in world.jobs.items():
        ends = [
            world.run.records[incoming.source].finished_at or 0
            for incoming in compiled.nodes[name].incoming
        ]
        if compiled.nodes[name].join == "First":
            ends = [min(ends, default=0)]
        assert all(end <= job.created_at for end in ends)


@runs
@given(compiled=graphs(), endings=st.lists(results, min_size=1, max_size=8))
def test_what_follows_a_success_edge_of_a_failed_node_never_runs(
    compiled: Graph, endings: list[Result]
) -> None:
    world = World(compiled, script_of(endings), VARIABLES).play()
    for name, _ in world.jobs:
        if compiled.nodes[name].join != "All":
            continue
        for incoming in compiled.nodes[name].incoming:
            source = compiled.nodes[incoming.source]
            failed = world.phase(incoming.source) in FAILURES and not source.allow_failure
            assert not (failed and incoming.outcome == "Succeeded")


@runs
@given(compiled=graphs(), endings=st.lists(results, min_size=1, max_size=8))
def test_attempts_are_counted_from_one_without_gaps_and_within_their_limit(
    compiled: Graph, endings: list[Result]
) -> None:
    world = World(compiled, script_of(endings), VARIABLES).play()
    for name, node in compiled.nodes.items():
        attempts = sorted(attempt for job, attempt in world.jobs if job == name)
        assert attempts == list(range(1, len(attempts) + 1))
        iterations = node.spec.repeat.limit if node.spec.repeat else 1
        assert len(attempts) <= (node.retry.limit + 1) * iterations


@runs
@given(compiled=graphs(), endings=st.lists(results, min_size=1, max_size=8))
def test_a_pass_over_what_changed_decides_as_a_pass_over_everything(
    compiled: Graph, endings: list[Result]
) -> None:
    whole = World(compiled, script_of(endings), VARIABLES).play()
    least = World(compiled, script_of(endings), VARIABLES, forgetful=False).play()
    assert whole.run.records == least.run.records
    assert whole.ending == least.ending


@runs
@given(
    compiled=graphs(),
    endings=st.lists(results, min_size=1, max_size=8),
    moment=st.sampled_from([0.0, 0.5, 1.0, 2.0, 6.0]),
    state=st.sampled_from([DesiredState.CANCELLED, DesiredState.TERMINATED]),
)
def test_a_cancelled_run_starts_nothing_after_it_and_ends(
    compiled: Graph, endings: list[Result], moment: float, state: DesiredState
) -> None:
    world = World(compiled, script_of(endings), VARIABLES)
    world.desire(state, at=moment)
    world.play()
    cancelling = world.run.cancelling
    if cancelling is not None:
        assert all(
            job.created_at <= cancelling.at
            for (name, _), job in world.jobs.items()
            if not compiled.nodes[name].final
        )
        assert world.ending is not None
        by_failure = cancelling.reason.startswith("Failure")
        expected = ("Failed", "Cancelled") if by_failure else ("Cancelled", "TimedOut")
        assert world.ending.phase in expected


@runs
@given(
    compiled=graphs(),
    endings=st.lists(results, min_size=1, max_size=8),
    moment=st.sampled_from([0.1, 0.5, 1.0, 2.0, 6.0]),
    seconds=st.sampled_from([0.5, 3.0, 30.0]),
    state=st.sampled_from([DesiredState.RUNNING, DesiredState.CANCELLED, DesiredState.TERMINATED]),
)
def test_a_paused_run_starts_nothing_and_ends_as_soon_as_anything_ends_its_pause(
    compiled: Graph,
    endings: list[Result],
    moment: float,
    seconds: float,
    state: DesiredState,
) -> None:
    played = []
    for forgetful in (True, False):
        world = World(compiled, script_of(endings), VARIABLES, forgetful=forgetful)
        world.desire(DesiredState.PAUSED, at=moment)
        world.desire(state, at=moment + seconds)
        world.play()
        over = min(world.cancelled_at, START + moment + seconds)
        began = [job.created_at for job in world.jobs.values()]
        assert not [at for at in began if START + moment < at < over]
        assert all(record.phase.terminal for record in world.run.records.values())
        played.append(world)
    assert played[0].run.records == played[1].run.records
    assert played[0].ending == played[1].ending


@runs
@given(compiled=graphs(), endings=st.lists(results, min_size=1, max_size=8))
def test_final_nodes_start_when_everything_else_has_ended(
    compiled: Graph, endings: list[Result]
) -> None:
    world = World(compiled, script_of(endings), VARIABLES).play()
    ends = [
        record.finished_at or 0
        for name, record in world.run.records.items()
        if not compiled.nodes[name].final
    ]
    for (name, _), job in world.jobs.items():
        if compiled.nodes[name].final:
            assert job.created_at >= max(ends)


@runs
@given(compiled=graphs(), endings=st.lists(results, min_size=1, max_size=8))
def test_an_execution_succeeds_only_if_every_failure_was_handled(
    compiled: Graph, endings: list[Result]
) -> None:
    world = World(compiled, script_of(endings), VARIABLES).play()
    assert world.ending is not None
    if world.ending.phase != "Succeeded":
        return
    for name, node in compiled.nodes.items():
        if world.phase(name) in FAILURES and not node.allow_failure:
            assert any(outgoing.outcome == "Failed" for outgoing in node.outgoing)
