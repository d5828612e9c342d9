"""What becomes of a column by its Arrow type: one decision a type, the same for files and tables in memory.

decisions     which type a column is read as; in which type its cells travel; why they cannot be sent
carrying      the cells of a column in the type in which they travel
widening      the type of a column whose type differs between the files of one input

All of it is decided from the schema, before the first row. Nothing here looks at a cell to decide.
"""

from loader.column_types.carrying import carry_cells
from loader.column_types.decisions import Refusal, carried_type, find_refusal, plain_field, plain_type
from loader.column_types.widening import fit_cells, widen_types

__all__ = [
    "Refusal",
    "carried_type",
    "carry_cells",
    "find_refusal",
    "fit_cells",
    "plain_field",
    "plain_type",
    "widen_types",
]
