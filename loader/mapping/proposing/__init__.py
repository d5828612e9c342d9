"""A mapping file to begin with, from the columns and a sample of an input: the command `map`.

* `propose`: from columns to a `proposal`; `proposal_text` writes it down, with a reason for each line.
* `presets`: the exports that are recognised, as a table; `sampling`, `proposed_attributes`: what cells tell.
"""
