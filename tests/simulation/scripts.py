"""Scripts of how attempts end, and runs that follow them."""

from __future__ import annotations

from tests.simulation.world import SUCCESS, Result, Script, World


def scripted(**results: Result | list[Result]) -> Script:
    """Results by node: one for every attempt, or a list by attempt; success where none is named."""

    def script(node: str, attempt: int) -> Result:
        result = results.get(node, SUCCESS)
        return result[attempt - 1] if isinstance(result, list) else result

    return script


def play(compiled: object, variables: dict[str, object] | None = None, **results: object) -> World:
    return World(compiled, scripted(**results), variables).play()  # type: ignore[arg-type]
