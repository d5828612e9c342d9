"""An export of what landed, read through the loader's own sources and a mapping, beside what loads expect.

shape            which keys both sides have, and the form of a row with only these
landed_mapping   the mapping through which an export is read
scope            which rows of an export belong to a load at all
last_calls       of users and tags: which rows of a load must still be in it
export           the rows of an export, and those that cannot be mapped
"""
