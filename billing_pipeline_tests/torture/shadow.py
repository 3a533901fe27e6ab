"""What HaloPSA would hold without us: its first content with every edit of its agents, and nothing else."""

from collections.abc import Sequence
from copy import deepcopy
from decimal import Decimal

from billing_pipeline.billing.keys import is_ours
from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.sandbox.exact_json import write_json
from billing_pipeline.sandbox.halopsa_edits import make_edit
from billing_pipeline.sandbox.halopsa_invoices import compute_document
from billing_pipeline.sandbox.halopsa_state import HaloState
from billing_pipeline.sandbox.halopsa_switches import HaloSwitches
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline.steps.halo_targets import line_content
from billing_pipeline_tests.behaviours.world import Json

TABLES = ("invoices", "recurring_invoices")
# What changes with a document that gets lines of ours, and with its number at the accounting sync.
FOLLOWING = {"lines", "revenue", "tax_total", "total", "amountdue", "last_modified", "change_seq"}
# Lines that agents add get ids here that no line in the sandbox has.
FIRST_OWN_LINE_ID = 1_000_000
AMOUNTS = {"qty_order", "unit_price", "unit_cost", "net_amount"}
NUMBERS = {"invoicenumber", "thirdpartyinvoicenumber", "last_synced"}


class Shadow:
    """The documents of others, kept beside the HaloPSA of a sandbox.

    `deleted` are documents that agents took away, `overruled` those on which an update of ours undid what an agent did
    between our read and our write.
    """

    def __init__(self, sandbox: Sandbox, content: Json) -> None:
        self._sandbox = sandbox
        self._state = HaloState(content, sandbox.clock)
        self._state.next_ids["lines"] = FIRST_OWN_LINE_ID
        self._first_lines = {line["id"]: deepcopy(line) for line in self._state.lines()}
        self._seen = 0
        self._created: set[int] = set()
        self.deleted: set[int] = set()
        self.overruled: set[int] = set()

    def follow(self, overrules: bool = False) -> None:
        """Make the edits that agents made since the last time; where an update of ours `overrules`, those that last."""
        made = self._sandbox.halopsa.edits_made[self._seen :]
        self._seen += len(made)
        for one in made:
            if one["error"] is not None:
                continue
            before = deepcopy(self._state.tables)
            self._make(one["edit"], one["id"])
            if overrules and one["id"] in before[_table(one["id"])] and self._is_undone(one["id"]):
                self._state.tables = before
                self.overruled.add(one["id"])

    def _is_undone(self, document_id: int) -> bool:
        found = self._sandbox.halopsa.tables[_table(document_id)].get(document_id)
        return found is not None and self._lines(found) != self._lines(self.documents()[document_id])

    def _make(self, edit: Json, document_id: int) -> None:
        # Whatever the tenant does by itself (another client, another tax) it does to what agents save as well.
        self._state.switches = self._sandbox.halopsa.switches
        try:
            self._edit(edit, document_id)
        finally:
            self._state.switches = HaloSwitches()

    def _edit(self, edit: Json, document_id: int) -> None:
        table = self._state.tables[_table(document_id)]
        if edit["action"] == "create":
            made = make_edit(self._state, edit)
            del table[made["id"]]
            table[document_id] = {**made, "id": document_id}
            self._created.add(document_id)
        elif document_id in table:
            make_edit(self._state, {**edit, "id": document_id})
        if edit["action"] == "delete":
            self.deleted.add(document_id)

    def documents(self) -> dict[int, Json]:
        """Every document of others, by id."""
        return {row["id"]: row for table in TABLES for row in self._state.tables[table].values()}

    def restore(self, document_id: int, lost: Sequence[Json]) -> None:
        """Let a person put the lines of others on a document back as they were, with the taxes of ours."""
        self._set_back(document_id, lost)
        state = self._sandbox.halopsa
        taxes = {content["id"]: str(content["tax_code"]) for content in lost}
        with state.lock:
            row = state.tables[_table(document_id)].get(document_id)
            if row is None:
                return
            ours = [line for line in row["lines"] if is_ours(line.get("comment_2"))]
            ours = [{**line, "tax_code": taxes.get(line["id"], line["tax_code"])} for line in ours]
            row["lines"] = [dict(line) for line in self.documents()[document_id]["lines"]] + ours
            state.put(_table(document_id), row)

    def _set_back(self, document_id: int, lost: Sequence[Json]) -> None:
        """Lines that an agent changed right after our write are set back too, to what they were before it: that is
        what a person is asked for."""
        row = self.documents()[document_id]
        lines = self._first_lines | {line["id"]: line for line in row["lines"]}
        back = [_as_told(lines[one["id"]], one) for one in lost if one["id"] in self._first_lines]
        ids = {line["id"] for line in back}
        row["lines"] = [line for line in row["lines"] if line["id"] not in ids] + back
        compute_document(self._state, row)

    def differences(self, *, renumbered: bool) -> list[str]:
        """How the documents of others differ from what they would be without us."""
        now = {row["id"]: row for table in TABLES for row in self._sandbox.halopsa.tables[table].values()}
        said = []
        for document_id, row in self.documents().items():
            found = now.get(document_id)
            # An agent's new invoice takes its number after ours.
            left_out = FOLLOWING | (NUMBERS if renumbered or document_id in self._created else set())
            if found is None:
                said.append(f"document {document_id} is gone")
                continue
            said += [
                f"{name} of document {document_id} is {found.get(name)!r}, not {row.get(name)!r}"
                for name in sorted((row.keys() | found.keys()) - left_out)
                if row.get(name) != found.get(name)
            ]
            theirs, there = self._lines(row), self._lines(found)
            said += [f"a line of document {document_id} is not as it was: {line}" for line in sorted(theirs - there)]
            said += [f"a line that is nobody's is on document {document_id}: {line}" for line in sorted(there - theirs)]
            count = sum(1 for line in found["lines"] if not is_ours(line.get("comment_2")))
            if count != len(row["lines"]):
                said.append(f"document {document_id} has {count} lines of others, not {len(row['lines'])}")
        return said

    def _lines(self, row: Json) -> set[str]:
        """The lines of others to the byte; of those that came later, what is set, without their ids."""
        return {
            write_json(line if line["id"] in self._first_lines else _what_is_set(line))
            for line in row["lines"]
            if not is_ours(line.get("comment_2"))
        }


def _as_told(line: Json, told: Json) -> Json:
    """A line with what is told of it, where it says something else."""
    now, back = line_content(line, HaloPsaFields()), deepcopy(line)
    for name, value in told.items():
        if now[name] != value:
            back[name] = Decimal(value) if name in AMOUNTS else value
    return {**back, "baseprice": back["unit_price"]}


def _what_is_set(line: Json) -> Json:
    return {name: line[name] for name in sorted(line) if line[name] and name not in ("id", "ihid")}


def _table(document_id: int) -> str:
    return "recurring_invoices" if document_id < 0 else "invoices"
