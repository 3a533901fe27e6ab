"""A trouble that waits in a scene for the next run, and how one sees that it happened."""

from billing_pipeline.sandbox.faults import read_fault
from billing_pipeline.sandbox.halopsa_schedule import schedule_edit
from billing_pipeline_tests.behaviours.world import Json
from billing_pipeline_tests.torture.scene import Scene
from billing_pipeline_tests.torture.schedule import Hit
from billing_pipeline_tests.torture.troubles import ALL_TROUBLES


class Disturbance:
    """A trouble that waits in a scene, until it is called off."""

    def __init__(self, scene: Scene, hit: Hit) -> None:
        self.trouble = trouble = ALL_TROUBLES[hit.trouble]
        self._scene = scene
        self._service = scene.sandbox.halopsa_service
        self._log_from = len(self._service.log.requests())
        self._edits_from = len(scene.sandbox.halopsa.edits_made)
        self._faults = [read_fault(order) for order in trouble.orders]
        for fault in self._faults:
            self._service.faults.add(fault)
        if trouble.switches:
            scene.switch(**trouble.switches)
        self._edit: Json = {}
        if trouble.edit is not None:
            self._order_edit(trouble.edit, hit.target)

    def happened(self) -> bool:
        """Whether it did what it was ordered for."""
        if self._faults:
            listed = self._service.faults.listing()
            return any(one["hits"] and one.items() >= vars(fault).items() for one in listed for fault in self._faults)
        if self.trouble.edit is not None:
            made = self._scene.sandbox.halopsa.edits_made[self._edits_from :]
            return any(one["error"] is None and one["edit"] == self._edit for one in made)
        return _SIGNS[self.trouble.shows.split()[0]](self._scene, self._requests(), self.trouble)

    def _requests(self) -> list[Json]:
        return self._service.log.requests()[self._log_from :]

    def _order_edit(self, edit: Json, place: int) -> None:
        trouble, month = self.trouble, self._scene.month
        order = {"route": trouble.route, "method": trouble.method, "reads": 1}
        self._edit = dict(edit)
        if trouble.target in ("invoice", "template"):
            ids = [one for one in month.documents.values() if (one > 0) == (trouble.target == "invoice")]
            if not -len(ids) <= place < len(ids):
                return
            self._edit["id"] = ids[place]
            if trouble.route.endswith("{id}"):
                order["contains"] = f"/{ids[place]}?"
            if "line" in edit and isinstance(edit["line"], int):
                lines = self._scene.shadow.documents().get(ids[place], {"lines": []})["lines"]
                del self._edit["line"]
                if not lines:
                    return
                self._edit["line_id"] = lines[-1]["id"]
        schedule_edit(self._scene.sandbox.halopsa, {**order, "edit": self._edit})


def _went_through(requests: list[Json], path: str) -> bool:
    return any(one["method"] == "POST" and one["path"] == path and one["status"] in (200, 201) for one in requests)


def _invoices(scene: Scene) -> list[Json]:
    return list(scene.sandbox.halopsa.tables["invoices"].values())


_SIGNS = {
    "token": lambda scene, requests, _: sum(one["path"] == "/auth/token" for one in requests) > 1,
    "pages": lambda scene, requests, _: any("page_no=2" in one["query"] for one in requests),
    "dates": lambda scene, requests, _: any("invoicedatestart" in one["query"] for one in requests),
    "lists": lambda scene, requests, _: any("page_no=" in one["query"] for one in requests),
    "update": lambda scene, requests, trouble: _went_through(requests, trouble.shows.split()[1]),
    "redirected": lambda scene, requests, _: any(one.get("original_client_id") for one in _invoices(scene)),
    "number": lambda scene, requests, _: any("ACC-" in str(one.get("invoicenumber")) for one in _invoices(scene)),
    "tax": lambda scene, requests, _: _went_through(requests, "/api/Invoice"),
    "blank": lambda scene, requests, _: _went_through(requests, "/api/Invoice"),
}
