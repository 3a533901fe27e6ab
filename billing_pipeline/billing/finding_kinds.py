"""Which findings say that HaloPSA has something else than what was planned; all others are worth a look only."""

# What looking at a posted document finds, and finds no more once a person has put it right.
SEEN = ("answer_differs", "read_back_differs", "found_twice")
# Lines of ours that bill on for a client without a row in clients.csv; planning finds them, and finds them gone.
LEFT_LINES = "lines_left"
DIFFERENCES = (*SEEN, "closed_meanwhile", "others_changed", LEFT_LINES)
