"""How much of a Dagster run is our own work: a stopwatch around every asset's and check's function."""

from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from time import perf_counter, process_time
from typing import Any

import dagster as dg
from dagster._core.definitions.decorators.op_decorator import DecoratedOpFunction


class Stopwatch:
    """Seconds inside our functions, by the name of the asset or check: `seconds` on the clock, `processor` at work."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.processor: defaultdict[str, float] = defaultdict(float)
        self._back_in_dagster = 0.0

    def put_around(self, defs: dg.Definitions) -> dg.Definitions:
        """The same definitions, whose functions are timed from now on.

        Dagster has no public place to put a stopwatch around a compute function, hence its private one.
        """
        for part in [*(defs.assets or ()), *(defs.asset_checks or ())]:
            if isinstance(part, dg.AssetsDefinition):
                op = part.op
                if isinstance(op.compute_fn, DecoratedOpFunction):
                    op._compute_fn = DecoratedOpFunction(self._timed(op.name, op.compute_fn.decorated_fn))
        # It looks every partition up anew: what our functions wait for there is Dagster's own.
        described = dg.AssetExecutionContext.add_asset_metadata
        dg.AssetExecutionContext.add_asset_metadata = self._lent(described)  # type: ignore[method-assign]
        return defs

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            started, worked, lent = perf_counter(), process_time(), self._back_in_dagster
            try:
                return function(*arguments, **named)
            finally:
                self.processor[name] += process_time() - worked
                self.seconds[name] += perf_counter() - started - (self._back_in_dagster - lent)

        return timed

    def _lent(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def lent(*arguments: Any, **named: Any) -> Any:
            started = perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self._back_in_dagster += perf_counter() - started

        return lent
