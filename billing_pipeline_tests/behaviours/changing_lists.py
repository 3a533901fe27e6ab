"""A HaloPSA whose lists come out different with each read."""

from billing_pipeline_tests.behaviours.provider import Provider

OTHERS = (11, 12, 13, 14)
# In the address of a read without any filter, and of one by date.
ALL, DATED = "includelines=true&pageinate", "invoicedatestart"


def show_others_each_time(month: Provider, contains: str = ALL, route: str = "/api/Invoice") -> None:
    """Let the next such list be one that shows another row with each read, of nine that it counts."""
    for row in OTHERS:
        for rows in ([{"id": row}], []):
            body = {"record_count": 9, "invoices": rows}
            month.disturb("body", route, "GET", body=body, contains=contains)
