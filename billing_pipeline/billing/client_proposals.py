"""Proposed rows of clients.csv: they fit the rows that are there, so that an accepted one can be pasted."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from billing_pipeline.billing.client_keys import UNASSIGNED, UNMAPPED_PREFIX, fold_id
from billing_pipeline.billing.client_match import (
    ClientCandidate,
    ClientMatcher,
    CompanyToMatch,
    HaloClientNames,
    explain_candidates,
)
from billing_pipeline.billing.mapping_rows import ClientRow
from billing_pipeline.billing.name_similarity import normalise_name

_KEY_LENGTH = 63


@dataclass(frozen=True)
class Pax8Company:
    """A Pax8 company: `names` the present one first, then those it had; `status` as Pax8 writes it.

    `listed` is false for one that only an invoice still knows: deleted, or merged into another.
    """

    company_id: str
    names: tuple[str, ...]
    status: str = "Active"
    external_id: str | None = None
    listed: bool = True

    @property
    def name(self) -> str:
        """Its present name, or its id where it has none."""
        return self.names[0] if self.names else self.company_id

    @property
    def deleted(self) -> bool:
        """Whether Pax8 has it no more."""
        return not self.listed or self.status.lower() == "deleted"


@dataclass(frozen=True)
class ProposedClient:
    """One company and the clients that it may be, the best first; `row` is what clients.csv would hold.

    The row names a HaloPSA client only where the match is sure: a doubtful one is for a person to fill in.
    `sell` is what the newest month has of the company, exact, by currency.
    """

    company: Pax8Company
    row: ClientRow
    candidates: tuple[ClientCandidate, ...]
    doubtful: bool
    why: str
    sell: Mapping[str, Decimal]

    @property
    def sure(self) -> ClientCandidate | None:
        """The client that the row names."""
        return None if self.doubtful or not self.candidates else self.candidates[0]


def halopsa_names(
    halopsa: Sequence[HaloClientNames], clients: Sequence[ClientRow], companies: Mapping[str, Pax8Company]
) -> list[HaloClientNames]:
    """The HaloPSA clients with every name that they are known under, and their keys of clients.csv."""
    names: dict[int, list[str]] = defaultdict(list)
    keys: dict[int, str] = {}
    for row in clients:
        if row.halopsa_client_id is not None:
            company = companies.get(fold_id(row.pax8_company_id or ""))
            keys[row.halopsa_client_id] = row.client
            names[row.halopsa_client_id] += [row.name, *(company.names if company is not None else ())]
    return [
        replace(
            one,
            names=tuple(dict.fromkeys([*one.names, *names[one.halopsa_client_id]])),
            client=keys.get(one.halopsa_client_id),
        )
        for one in halopsa
    ]


def propose_rows(
    wanted: Sequence[Pax8Company],
    money: Mapping[str, Mapping[str, Decimal]],
    halopsa: Sequence[HaloClientNames],
    clients: Sequence[ClientRow],
    companies: Mapping[str, Pax8Company],
) -> list[ProposedClient]:
    """A proposal for each of `wanted`, the most money first; `money` and `companies` are by folded company id."""
    matcher = ClientMatcher(halopsa_names(halopsa, clients, companies))
    proposals = [_propose(company, matcher, money.get(fold_id(company.company_id), {})) for company in wanted]
    proposals.sort(key=lambda one: (-sum(map(abs, one.sell.values()), Decimal(0)), one.company.name.casefold()))
    rows = _Rows(proposals, clients, companies)
    return [rows.fit(one) for one in proposals]


def _propose(company: Pax8Company, matcher: ClientMatcher, sell: Mapping[str, Decimal]) -> ProposedClient:
    ranked = matcher.rank(CompanyToMatch(company.names, company.external_id))
    doubtful, why = explain_candidates(ranked)
    said = [why]
    if len(company.names) > 1:
        said.append("renamed in Pax8, before: " + ", ".join(company.names[1:]))
    if not company.listed:
        said.append("Pax8 no longer lists the company: it was deleted, or merged into another")
    elif company.status.lower() != "active":
        said.append(f"the company is {company.status.lower() or 'without a status'} in Pax8")
    row = ClientRow("", company.name, None, company.company_id)
    return ProposedClient(company, row, ranked, doubtful, "; ".join(said), sell)


class _Rows:
    """Makes the rows of one file: new keys are given once, and all rows of a client say the same."""

    def __init__(
        self, proposals: Sequence[ProposedClient], clients: Sequence[ClientRow], companies: Mapping[str, Pax8Company]
    ) -> None:
        self._companies = companies
        self._keys = {row.client for row in clients}
        self._known: dict[int, list[ClientRow]] = defaultdict(list)
        for row in clients:
            if row.halopsa_client_id is not None:
                self._known[row.halopsa_client_id].append(row)
        self._new: dict[int, ClientRow] = {}
        self._wanted: dict[int, list[str]] = defaultdict(list)
        for one in proposals:
            if one.sure is not None:
                self._wanted[one.sure.halopsa.halopsa_client_id].append(one.company.company_id)

    def fit(self, one: ProposedClient) -> ProposedClient:
        """The proposal with its row, and with what the row means for clients that are there."""
        company_id = one.company.company_id
        said = [one.why]
        if one.candidates:
            said += self._say_known(one.candidates[0].halopsa.halopsa_client_id)
        if one.sure is None:
            key = self._new_key(one.company.name, company_id)
            return replace(one, row=ClientRow(key, one.company.name, None, company_id), why="; ".join(said))
        halopsa = one.sure.halopsa
        halopsa_id = halopsa.halopsa_client_id
        known = self._known.get(halopsa_id)
        if known:
            row = known[0]
        else:
            if halopsa_id not in self._new:
                name = halopsa.names[0] if halopsa.names else one.company.name
                self._new[halopsa_id] = ClientRow(self._new_key(name, str(halopsa_id)), name, halopsa_id)
            row = self._new[halopsa_id]
        others = [self._name(other) for other in self._wanted[halopsa_id] if other != company_id]
        if others:
            said.append(f"also proposed for {', '.join(others)}")
        return replace(one, row=replace(row, pax8_company_id=company_id), why="; ".join(said))

    def _say_known(self, halopsa_id: int) -> list[str]:
        """What the best candidate is in clients.csv already."""
        known = self._known.get(halopsa_id)
        if not known:
            return []
        names = [self._name(other.pax8_company_id) for other in known if other.pax8_company_id is not None]
        said = [f"it is client {known[0].client} already" + (f", with {', '.join(names)}" if names else "")]
        if known[0].excluded:
            said.append("which is excluded: nothing is billed to it")
        return said

    def _name(self, company_id: str) -> str:
        company = self._companies.get(fold_id(company_id))
        return company.name if company is not None else f"company {company_id}"

    def _new_key(self, name: str, ident: str) -> str:
        """A client key that is free: the name's words, in the letters that keys may have."""
        bare = re.sub(r"[^a-z0-9]+", "-", normalise_name(name)).strip("-")
        # "pax8" itself would become "pax8-2" once it is taken.
        if not bare or f"{bare}-".startswith(UNMAPPED_PREFIX) or bare == UNASSIGNED:
            bare = "client-" + (bare or re.sub(r"[^a-z0-9]+", "-", ident.lower()).strip("-"))
        bare, key, number = bare[:_KEY_LENGTH].rstrip("-"), "", 1
        while not key or key in self._keys:
            tail = "" if number == 1 else f"-{number}"
            key, number = bare[: _KEY_LENGTH - len(tail)] + tail, number + 1
        self._keys.add(key)
        return key
