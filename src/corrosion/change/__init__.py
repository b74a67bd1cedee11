"""Two inspections to what has changed between them: `corrosion change`.

`pairing` finds which photographs show the same place, `data.registration` lays one over the other,
`measuring` says how much of a photograph is rusted and how well that repeats, `compare_inspections`
puts these together pair by pair, `summary` adds the pairs up, and `output_folder` writes the table,
the pictures and the page.
"""
