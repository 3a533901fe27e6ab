"""Which findings say that HaloPSA has something else than what was planned; all others are worth a look only."""

# What looking at a posted document finds, and finds no more once a person has put it right.
SEEN = ("answer_differs", "read_back_differs", "found_twice")
# Lines of ours that bill on for a client without a row in clients.csv; planning finds them, and finds them gone.
LEFT_LINES = "lines_left"
# That a document was closed while it was changed: told until a later look finds our lines there all the same.
CLOSED_MEANWHILE = "closed_meanwhile"
DIFFERENCES = (*SEEN, CLOSED_MEANWHILE, "others_changed", LEFT_LINES)
