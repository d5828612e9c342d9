"""Rows that the user fixed by hand, in a file that `failures` wrote, on their way back into their load.

read_fixed_rows(...)   refuses every row that is not one that the load rejected, before anything is sent

    reading      columns and cells of the file      places      which rows of the input its rows are
    conversion   cells in the types of the input    standing    which of them may be sent
    lost_digits  ids that a spreadsheet has read as numbers
    fixed        the rows, and their cells for the checkpoint
"""

from loader.fixed_rows.fixed import Fixed, FixedInput
from loader.fixed_rows.reading import read_fixed_rows

__all__ = ["Fixed", "FixedInput", "read_fixed_rows"]
