"""The vendor's own counts by hour and event, beside what a checkpoint expects.

hours         what a checkpoint expects in each hour, by event
readings      which time the vendor counts by, and the hours that differ
statistics    asks the vendor
tables        what was found, in words and as a table
counting      all of it in order
"""
