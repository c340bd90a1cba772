"""A stand-in for Metabase that keeps its rules, served over real HTTP on loopback.

What is imitated, and where it is written down in Metabase's source: closed request schemas whose
unknown keys are dropped without a word (`queries_rest/api/card.clj`, `dashboards_rest/api.clj`),
places that only `PUT /api/dashboard/:id` takes and replaces as a whole, `entity_id` on creation
only and unique, queries handed back as MBQL 5 since release 57.
"""

from tests.metabase.fake_metabase.server import FakeMetabase
from tests.metabase.fake_metabase.store import RefusalError, Store

__all__ = ["FakeMetabase", "RefusalError", "Store"]
