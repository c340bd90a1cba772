"""What is stored about a person: where it lies, how it is given out and how it goes.

What never lives here: marts (a night takes out what is gone), and what people do.
"""

from qbank.people.erasing import erase
from qbank.people.exporting import everything_about, write_csv, write_json

__all__ = ["erase", "everything_about", "write_csv", "write_json"]
