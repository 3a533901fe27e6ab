"""Which findings say that HaloPSA has something else than what was planned; all others are worth a look only."""

DIFFERENCES = ("answer_differs", "read_back_differs", "found_twice", "others_changed")
