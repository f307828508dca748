"""Files: taken in within limits, looked into before they are believed, re-encoded before they are shown.

Promises: what a file is follows from its content, never from its name; what cannot be decoded within limits
is `MalformedMedia` and is not served; a stored file is whole, named by its SHA-256, or not there at all.
Words: probe (a full look, every frame decoded), glance (a look at the container alone), rendition
(thumbnail, poster, proxy), store, incoming (a file on its way in). No model is imported here.
"""
