"""Names of the run tags that one part sets and another reads."""

KIND = "qbank/kind"
NIGHT = "qbank/night"  # the UTC day a run is part of the night of
WEEKLY = "qbank/weekly"  # a night in which every exam is due and every row is audited
