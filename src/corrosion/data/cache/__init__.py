"""What is kept on disk between runs, and can be made anew at any time, below `directory`.

`segments` holds decoded images and `filling` adds to them; `file_states` remembers what was
measured of each file.
"""
