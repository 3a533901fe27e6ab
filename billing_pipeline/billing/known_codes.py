"""Which taxes and account codes HaloPSA has: one that it does not have is never sent."""

from dataclasses import dataclass
from typing import Literal

from billing_pipeline.billing.settings import Codes

AccountKind = Literal["income", "expense"]


@dataclass(frozen=True)
class KnownCodes:
    """The codes of one HaloPSA; None where nobody looked.

    HaloPSA keeps no list of accounts: a code is known that an item, a product group or a recurring line bears. Where
    none bears any of a kind, there is nothing to compare with, and a code of that kind is taken as it is.
    """

    tax_ids: frozenset[int] | None = None
    income: frozenset[str] = frozenset()
    expense: frozenset[str] = frozenset()

    def has_tax(self, tax_id: int | None) -> bool:
        """Whether HaloPSA has the tax; no tax and 0 are no question."""
        return not tax_id or self.tax_ids is None or tax_id in self.tax_ids

    def has_account(self, kind: AccountKind, code: str | None) -> bool:
        """Whether the account is in use in HaloPSA, as income or as expense."""
        of_kind = self.income if kind == "income" else self.expense
        return code is None or not of_kind or code in self.income | self.expense

    def find_unknown(self, codes: Codes) -> list[str]:
        """What is wrong with default codes, a sentence for each."""
        problems = []
        if not self.has_tax(codes.tax):
            problems.append(f"HaloPSA has no tax {codes.tax} (codes.tax)")
        accounts: tuple[tuple[AccountKind, str, str | None], ...] = (
            ("income", "accounts", codes.accounts),
            ("expense", "expense", codes.expense),
        )
        for kind, key, code in accounts:
            if not self.has_account(kind, code):
                problems.append(
                    f'HaloPSA has no account "{code}" on any item, product group or recurring line (codes.{key})'
                )
        return problems
