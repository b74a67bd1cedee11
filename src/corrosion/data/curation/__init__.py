"""Which images may be trained on: unreadable, suspicious and duplicate ones, conflicting labels.

`screening` decodes every file once and measures it by `quality` and `fingerprint`; `duplicates`
groups images by their fingerprints with `hash_search`; `pictures` adds versions that a hash misses,
whose candidates `words` finds and `same_view` verifies; `policy` decides which are left out and
`findings` counts them. `audit` puts it together for folders that nobody trains on yet.
"""
