"""The vendor's own counts by hour and event, beside what a checkpoint expects.

hours         what a checkpoint expects in each hour, by event
readings      which time the vendor counts by, and the hours that differ
statistics    asks the vendor
counting      all of it in order
"""
