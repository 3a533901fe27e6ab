"""Which HaloPSA client a Pax8 company may be: candidates for a person to confirm, never a decision."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from billing_pipeline.billing.name_similarity import (
    AT_LEAST,
    SAME,
    differing_words,
    is_part,
    normalise_name,
    score_names,
)
from billing_pipeline.billing.names import is_same_name


@dataclass(frozen=True)
class CompanyToMatch:
    """A company without a row in clients.csv; `names` are those it has and had, the present one first."""

    names: tuple[str, ...]
    external_id: str | None = None


@dataclass(frozen=True)
class HaloClientNames:
    """A HaloPSA client, by each name it is known under, HaloPSA's own first.

    The others are those of clients.csv and of the Pax8 companies that are tied to it, for a company that was
    merged into another, or made anew, often bears the name of one. `client` is its key in clients.csv.
    """

    halopsa_client_id: int
    names: tuple[str, ...]
    inactive: bool = False
    client: str | None = None


@dataclass(frozen=True)
class ClientCandidate:
    """One HaloPSA client that a company may be; `score` is in whole percent, over the two names given here."""

    halopsa: HaloClientNames
    score: int
    company_name: str
    halopsa_name: str
    by_external_id: bool

    @property
    def described(self) -> str:
        """Its name in HaloPSA and its id, for people."""
        return f"{self.halopsa.names[0]} ({self.halopsa.halopsa_client_id})"


class ClientMatcher:
    """Ranks the HaloPSA clients of one snapshot for companies."""

    def __init__(self, clients: Iterable[HaloClientNames]) -> None:
        self._clients = [
            (client, [(name, normalise_name(name)) for name in client.names if name]) for client in clients
        ]

    def rank(self, company: CompanyToMatch) -> tuple[ClientCandidate, ...]:
        """The candidates, the best first: whom `externalId` names, then the most alike, active ones before others.

        A name that is a part of the other makes a candidate, too, however much longer the other is.
        """
        wanted = [(name, normalise_name(name)) for name in company.names if name]
        external_id = (company.external_id or "").strip()
        found = []
        for client, names in self._clients:
            score, company_name, halopsa_name = max(
                (
                    (score_names(mine, theirs), company_name, halopsa_name)
                    for company_name, mine in wanted
                    for halopsa_name, theirs in names
                ),
                key=lambda pair: pair[0],
                default=(0, "", ""),
            )
            by_external_id = external_id == str(client.halopsa_client_id)
            # The longer name of the same client is little alike by its letters.
            part = any(is_part(mine, theirs) for _, mine in wanted for _, theirs in names)
            if by_external_id or part or score >= AT_LEAST:
                found.append(ClientCandidate(client, score, company_name, halopsa_name, by_external_id))
        return tuple(sorted(found, key=_rank))


def _rank(candidate: ClientCandidate) -> tuple[bool, int, bool, int]:
    halopsa = candidate.halopsa
    return not candidate.by_external_id, -candidate.score, halopsa.inactive, halopsa.halopsa_client_id


def explain_candidates(ranked: Sequence[ClientCandidate]) -> tuple[bool, str]:
    """Whether the first candidate is doubtful, and why it was chosen, in a sentence for the billing clerk.

    Sure is only one whose name is the same and whose name no other candidate has.
    """
    if not ranked:
        return True, f"no HaloPSA client has a name at least {AT_LEAST} % alike: make one, or exclude the company"
    best = ranked[0]
    same_name = [other for other in ranked[1:] if other.score == SAME]
    doubtful = best.score < SAME or bool(same_name)
    parts = []
    if best.by_external_id:
        parts.append(
            f"externalId {best.halopsa.halopsa_client_id} is this HaloPSA client's id, but an old external id can be "
            "another system's number"
        )
    parts.append(_compare(best))
    parts += [f"HaloPSA client {other.halopsa.halopsa_client_id} has the same name too" for other in same_name]
    if best.halopsa.inactive:
        parts.append("it is inactive in HaloPSA: what is billed to it is held until it is activated")
        doubtful = True
    return doubtful, ("doubtful: " if doubtful else "") + "; ".join(parts)


def _compare(best: ClientCandidate) -> str:
    other_name = "" if best.halopsa_name == best.halopsa.names[0] else f' (known as "{best.halopsa_name}")'
    if best.score == SAME:
        if is_same_name(best.company_name, best.halopsa_name):
            return f"the names are the same{other_name}"
        return f"the names are the same but for legal form, case or punctuation{other_name}"
    mine, theirs = differing_words(normalise_name(best.company_name), normalise_name(best.halopsa_name))
    if mine and theirs:
        return f'the names are {best.score} % alike{other_name}, but "{mine}" is not "{theirs}"'
    if mine or theirs:
        return f'the names are {best.score} % alike{other_name}, but only one has "{mine or theirs}"'
    return f"the names have the same words in another order{other_name}"
