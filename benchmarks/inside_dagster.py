"""How much of a Dagster run is our own work: a stopwatch around every asset's and check's function."""

from collections import Counter
from collections.abc import Callable
from functools import wraps
from time import perf_counter
from typing import Any

import dagster as dg
from dagster._core.definitions.decorators.op_decorator import DecoratedOpFunction


class Stopwatch:
    """Seconds inside our functions, by the name of the asset or check."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    def put_around(self, defs: dg.Definitions) -> dg.Definitions:
        """The same definitions, whose functions are timed from now on.

        Dagster has no public place to put a stopwatch around a compute function, hence its private one.
        """
        for part in [*(defs.assets or ()), *(defs.asset_checks or ())]:
            if isinstance(part, dg.AssetsDefinition):
                op = part.op
                op._compute_fn = DecoratedOpFunction(self._timed(op.name, op.compute_fn.decorated_fn))
        return defs

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            started = perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds[name] += perf_counter() - started

        return timed
