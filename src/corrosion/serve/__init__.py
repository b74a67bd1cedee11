"""A network that answers over HTTP.

`app.build_app` makes the service, `server.serve` runs it until it is told to stop, as
`corrosion serve` does. Within, a request goes through `intake` (its files, within their limits),
`service` (decoded by threads), `batching` (the network, over the files of several requests at
once) and `answers` (what is told). Nothing here imports torch, unless the network is a checkpoint.
"""
