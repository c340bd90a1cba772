"""The technical report of an exam: what was measured, how well, and what evidence there is.

One document, written from the marts and from what runs kept: as JSON with every number, as a page
and as a PDF, and the yearly statistics as CSV. Of the same data it is the same bytes.

What never lives here: estimation, and numbers that no mart and no run has.
"""

from qbank.reporting.document import Chart, Document, Number, Section, Table
from qbank.reporting.gathering import gather
from qbank.reporting.keeping import renew
from qbank.reporting.writing import Written, write

__all__ = ["Chart", "Document", "Number", "Section", "Table", "Written", "gather", "renew", "write"]
