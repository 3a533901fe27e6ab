"""Who the demo MSP bills: its clients as HaloPSA and as Pax8 know them, and which of them are made to be odd.

Every name is invented. `DEMO_HOLDS` says which clients the demo month cannot bill, and why.
"""

from dataclasses import dataclass
from types import MappingProxyType

from billing_pipeline.sandbox.demo_random import new_id, stream
from billing_pipeline.sandbox.demo_tables import read_table

MSP = "Cascade Ridge IT"
INTERNAL = "cascade-ridge-internal"  # excluded: the MSP's own licences
CANADIAN = "maple-harbour-clinics"  # billed in CAD, and CAD in HaloPSA too
REDIRECTED = "timberline-dental-arvada"  # HaloPSA bills its parent
TWO_COMPANIES = "kestrel-law-group"
WITHOUT_PAX8 = "juniper-childcare"
PROMPT_CONFIRMED = "lakeshore-optometry"
PROMPT_UNMATCHED = "hartwell-orthodontics"
CREATE_MATCHED = "vantage-point-engineering"
CREATE_MISSING = "stonebridge-architects"
KEEPS_ZERO_LINES = "wildflower-pediatrics"
KEEPS_FAVORABLE_PRORATES = "cedar-hollow-brewing"
KEEPS_AZURE_APART = "brightwater-media"
DROPS_AZURE = "quillfeather-publishing"
AZURE_BY_SUBSCRIPTION = "nimbus-robotics"
AZURE_MARGIN_OFF = "halcyon-biolabs"
AZURE_NETS_TO_ZERO = "arroyo-machine-works"
BY_PURCHASE_ORDER = "granite-peak-builders"
INACTIVE = "tallgrass-trucking"
FOREIGN_CURRENCY = "sable-ridge-supply"
UNKNOWN_TYPE = "orbital-plastics"
TINY_AZURE = "parallax-analytics"  # an Azure line of a twentieth of a cent, to eleven decimals
MISSING_AMOUNT = "peakview-insurance"
NEGATIVE_TOTAL = "foothill-roofing"

HALO_PARENT_ID = 190  # the practice group that HaloPSA bills for its Arvada office; no client of ours
HALO_LOOKALIKE_ID = 191  # in HaloPSA, not in clients.csv: its name is near the unmapped company's

# A company that buys, and that nobody has mapped: 94 % alike to a client, yet another business.
_UNMAPPED_NAME = "Alder Creek Rental"
_MISLEADING_EXTERNAL_IDS = {"Alder Creek Rental": "101", "Redline Freight Brokers, LLC": "AT-29683917"}


@dataclass(frozen=True)
class Company:
    """One Pax8 company. `client` is the key that the demo's charges end up under."""

    id: str
    name: str
    client: str
    external_id: str | None
    city: str
    state: str
    postcode: str
    seats: int
    azure_lines: int


@dataclass(frozen=True)
class DemoClient:
    """One row of the roster: a client key, its HaloPSA client and its Pax8 companies (none, one or two)."""

    key: str
    halo_id: int
    halo_name: str
    city: str
    state: str
    postcode: str
    seats: int
    companies: tuple[Company, ...]


def demo_clients() -> tuple[DemoClient, ...]:
    """Every client of clients.csv, in its order."""
    return tuple(_read_client(row) for row in read_table("clients"))


def unmapped_company() -> Company:
    """The company with real money that no row of clients.csv names."""
    ident = new_id(stream(f"company {_UNMAPPED_NAME}"))
    external = _MISLEADING_EXTERNAL_IDS[_UNMAPPED_NAME]
    return Company(ident, _UNMAPPED_NAME, f"pax8-{ident}", external, "Boulder", "CO", "80301", seats=17, azure_lines=44)


def demo_companies() -> tuple[Company, ...]:
    """Every Pax8 company that is on the month's invoices, mapped or not."""
    return (*(company for client in demo_clients() for company in client.companies), unmapped_company())


def demo_holds() -> MappingProxyType[str, str]:
    """Client key -> why the demo month is not billed to it: what `demo` expects to find, no more, no less.

    The excluded client is here too; lines without a company stand under the key `unassigned`.
    """
    return MappingProxyType(
        {
            INTERNAL: "excluded_client",
            INACTIVE: "inactive_client",
            unmapped_company().client: "unmapped_client",
            "unassigned": "no_company",
            UNKNOWN_TYPE: "unknown_type",
            MISSING_AMOUNT: "missing_amount",
            PROMPT_UNMATCHED: "no_item",
            FOREIGN_CURRENCY: "currency",
            NEGATIVE_TOTAL: "negative_total",
        }
    )


def _read_client(row: dict[str, str]) -> DemoClient:
    names = [name for name in row["pax8_names"].split("; ") if name]
    halo_id, seats = int(row["halopsa_client_id"]), int(row["seats"])
    companies = tuple(
        Company(
            id=new_id(stream(f"company {name}")),
            name=name,
            client=row["client"],
            external_id=_MISLEADING_EXTERNAL_IDS.get(name, str(halo_id) if halo_id % 3 else None),
            city=row["city"],
            state=row["state"],
            postcode=row["postcode"],
            seats=max(seats // len(names), 3),
            azure_lines=int(row["azure_lines"]),
        )
        for name in names
    )
    place = (row["city"], row["state"], row["postcode"])
    return DemoClient(row["client"], halo_id, row["halopsa_name"], *place, seats, companies)
