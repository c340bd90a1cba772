"""Assets. Each reads through ``qbank``, calls the engine and returns metadata."""

import warnings

import dagster as dg

# The release is pinned, so a change of what is still beta cannot come by surprise.
for stage in (dg.BetaWarning, dg.PreviewWarning):
    warnings.filterwarnings("ignore", category=stage)
