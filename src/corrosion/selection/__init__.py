"""Unlabelled photographs to those that are worth labelling next.

`candidates` leaves out what is labelled already, `choice` chooses by features and probabilities,
`choose_next` puts both together, and `sorting_folder` writes what a person sorts by hand.
"""
