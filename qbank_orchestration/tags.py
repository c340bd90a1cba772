"""Names of the run tags that one part sets and another reads."""

KIND = "qbank/kind"
EXAM = "qbank/exam"
WHY = "qbank/why"
NIGHT = "qbank/night"  # the UTC day a run is part of the night of
WEEKLY = "qbank/weekly"  # a night in which every exam is due and every row is audited
NIGHT_RUN = "qbank/night_run"  # the run of the marts that began the night
EXAMS = "qbank/exams"  # the only exams of a night or a run, with commas between; else all
BY_COMMAND = "qbank/by_command"  # a night whose runs a command starts itself, not the daemon
SHARED = "qbank/shared_process"  # the run in whose process a run was made
OVER = "qbank/over"  # on the run of the marts: nothing more of its night will come
# Dagster's own: why a run failed; a run of the partitions from one to another
FAILURE_REASON = "dagster/failure_reason"
FIRST_PARTITION = "dagster/asset_partition_range_start"
LAST_PARTITION = "dagster/asset_partition_range_end"
