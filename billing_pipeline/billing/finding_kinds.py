"""Which findings say that HaloPSA has something else than what was planned; all others are worth a look only."""

# What looking at a posted document finds, and finds no more once a person has put it right.
SEEN = ("answer_differs", "read_back_differs", "found_twice")
# Lines of ours that bill on for a client without a row in clients.csv; planning finds them, and finds them gone.
LEFT_LINES = "lines_left"
# That a document was closed while it was changed: told until a later look finds our lines there all the same.
CLOSED_MEANWHILE = "closed_meanwhile"
# Whether HaloPSA's own Pax8 import bills a client too is not known; planning finds it out, or tells it again.
OWN_BILLING_UNKNOWN = "own_billing_unknown"
# HaloPSA imports usage on a line whose item no charge of the client has.
OTHER_CONSUMPTION = "other_consumption"
DIFFERENCES = (*SEEN, CLOSED_MEANWHILE, "others_changed", LEFT_LINES)
