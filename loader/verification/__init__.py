"""Is what the vendor has what the checkpoint says? Row by row, as two multisets.

rows           what is expected, and what landed, as batches of forms: one text of bytes for each row
matching       compares the forms as multisets, by digest, on disk beyond a bound
pairing        of what does not match: which two are one row that was altered
differences    what was found, for the user and for programs
expected       what a checkpoint expects, mapped again from its input
stored         what the sandbox's store holds
standing       of methods whose last call wins: what must be stored in the end
comparison     all of it in order
exports        an export of what landed, by the keys that both have
counts         the vendor's own counts, by event and hour
settling       doubts that the comparison answers
listing        the differences beside their source columns
"""
