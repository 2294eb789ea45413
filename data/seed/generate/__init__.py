"""The generator of the demonstration zone: a drawn town plan, its records, and the files in data/seed/.

Everything is synthetic. The plan is drawn in a straight design frame (metres, u along the east-west streets,
v along the north-south ones), bent and turned onto the ground by `frame`, and written as lon-lat degrees with
9 decimals.
"""
