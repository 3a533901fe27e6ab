"""Candidates for companies: how they are ranked, and what is said of them."""

from hypothesis import given
from hypothesis import strategies as st

from billing_pipeline.billing.client_match import (
    ClientCandidate,
    ClientMatcher,
    CompanyToMatch,
    HaloClientNames,
    explain_candidates,
)
from billing_pipeline.billing.name_similarity import AT_LEAST, SAME, is_part, normalise_name


def rank(name: str, *clients: HaloClientNames, external_id: str | None = None) -> tuple[ClientCandidate, ...]:
    return ClientMatcher(clients).rank(CompanyToMatch((name,), external_id))


def ids(ranked: tuple[ClientCandidate, ...]) -> list[int]:
    return [one.halopsa.halopsa_client_id for one in ranked]


def test_the_same_name_is_sure() -> None:
    ranked = rank("Acme Dental", HaloClientNames(1, ("Acme Dental",)), HaloClientNames(2, ("Birch Legal",)))
    assert ids(ranked) == [1]
    assert explain_candidates(ranked) == (False, "the names are the same")


def test_another_legal_form_is_said() -> None:
    ranked = rank("Acme Dental, LLC", HaloClientNames(1, ("ACME Dental Inc.",)))
    assert explain_candidates(ranked) == (False, "the names are the same but for legal form, case or punctuation")


def test_a_name_that_is_ninety_percent_alike_is_doubtful() -> None:
    ranked = rank("ABC Dental", HaloClientNames(1, ("ABC Rental",)))
    assert [one.score for one in ranked] == [90]
    assert explain_candidates(ranked) == (True, 'doubtful: the names are 90 % alike, but "dental" is not "rental"')


def test_two_clients_of_one_name_are_doubtful() -> None:
    ranked = rank("Acme", HaloClientNames(1, ("Acme",)), HaloClientNames(2, ("Acme LLC",)))
    assert ids(ranked) == [1, 2]
    doubtful, why = explain_candidates(ranked)
    assert doubtful
    assert "HaloPSA client 2 has the same name too" in why


def test_an_external_id_comes_first_and_is_doubted_where_the_names_differ() -> None:
    clients = HaloClientNames(246, ("Zephyr Yachts",)), HaloClientNames(7, ("Acme Dental",))
    ranked = rank("Acme Dental", *clients, external_id=" 246 ")
    assert ids(ranked) == [246, 7]
    doubtful, why = explain_candidates(ranked)
    assert doubtful
    assert "externalId 246 is this HaloPSA client's id, but an old external id can be another system's number" in why
    assert "HaloPSA client 7 has the same name too" in why


def test_an_external_id_with_the_same_name_is_sure() -> None:
    doubtful, why = explain_candidates(rank("Acme", HaloClientNames(246, ("Acme",)), external_id="246"))
    assert not doubtful
    assert why.startswith("externalId 246")


def test_an_external_id_that_only_looks_like_the_id_is_none() -> None:
    assert rank("Acme", HaloClientNames(246, ("Zephyr",)), external_id="AT-246") == ()
    assert rank("Acme", HaloClientNames(246, ("Zephyr",)), external_id="0246") == ()


def test_an_inactive_client_comes_after_an_active_one_and_is_doubtful() -> None:
    ranked = rank("Acme", HaloClientNames(1, ("Acme",), inactive=True), HaloClientNames(2, ("Acme",)))
    assert ids(ranked) == [2, 1]
    doubtful, why = explain_candidates(rank("Acme", HaloClientNames(1, ("Acme",), inactive=True)))
    assert doubtful
    assert "it is inactive in HaloPSA" in why


def test_a_client_is_found_by_a_name_that_it_has_elsewhere() -> None:
    ranked = rank("Acme Dental", HaloClientNames(1, ("AD Holding", "Acme Dental")))
    assert explain_candidates(ranked) == (False, 'the names are the same (known as "Acme Dental")')


def test_the_longer_name_of_a_client_is_a_candidate_behind_a_wrong_one() -> None:
    clients = HaloClientNames(7, ("ABC Rental",)), HaloClientNames(12, ("ABC Dental and Orthodontics of Denver",))
    ranked = rank("ABC Dental", *clients)
    assert [(one.halopsa.halopsa_client_id, one.score) for one in ranked] == [(7, 90), (12, 42)]
    assert explain_candidates(ranked)[0]


def test_nobody_alike_is_said() -> None:
    doubtful, why = explain_candidates(rank("Acme", HaloClientNames(1, ("Zephyr Yachts",))))
    assert doubtful
    assert "make one, or exclude the company" in why


NAMES = st.sampled_from(["Acme", "ACME LLC", "ABC Dental", "ABC Rental", "Alder Creek", "", "Zephyr", "&"])
CLIENTS = st.lists(
    st.builds(
        HaloClientNames, st.integers(1, 20), st.lists(NAMES, min_size=1, max_size=3).map(tuple), inactive=st.booleans()
    ),
    unique_by=lambda one: one.halopsa_client_id,
    max_size=6,
)
COMPANIES = st.builds(
    CompanyToMatch,
    st.lists(NAMES, max_size=3).map(tuple),
    st.none() | st.integers(0, 20).map(str) | st.just("AT-1"),
)


@given(COMPANIES, CLIENTS, st.randoms(use_true_random=False))
def test_ranking_does_not_depend_on_the_order_of_clients(company, clients, random) -> None:  # type: ignore[no-untyped-def]
    ranked = ClientMatcher(clients).rank(company)
    random.shuffle(clients)
    assert ClientMatcher(clients).rank(company) == ranked


@given(COMPANIES, CLIENTS)
def test_only_the_external_id_outranks_a_better_name(company: CompanyToMatch, clients: list[HaloClientNames]) -> None:
    ranked = ClientMatcher(clients).rank(company)
    by_name = [one for one in ranked if not one.by_external_id]
    assert ranked[: len(ranked) - len(by_name)] == tuple(one for one in ranked if one.by_external_id)
    assert [one.score for one in by_name] == sorted((one.score for one in by_name), reverse=True)
    assert all(
        one.score >= AT_LEAST
        or any(
            is_part(normalise_name(mine), normalise_name(theirs))
            for mine in company.names
            for theirs in one.halopsa.names
        )
        for one in by_name
    )


@given(COMPANIES, CLIENTS)
def test_sure_is_only_the_one_client_with_the_same_name(
    company: CompanyToMatch, clients: list[HaloClientNames]
) -> None:
    ranked = ClientMatcher(clients).rank(company)
    doubtful, why = explain_candidates(ranked)
    same = [one for one in ranked if one.score == SAME]
    assert doubtful == (not ranked or same != [ranked[0]] or ranked[0].halopsa.inactive)
    assert why.startswith("doubtful") or not doubtful or not ranked
