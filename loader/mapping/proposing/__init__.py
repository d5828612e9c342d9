"""Propose a first mapping file from the columns and a sample of an input: the command `map`.

* `propose`: from columns to a `proposal`; `proposal_text` writes it down, with a reason for each line.
* `presets`: the recognised exports, as a table; `sampling`, `proposed_members`: what the cells show.
"""
