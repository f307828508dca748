"""The month as files: workbook, signed statement, FOCUS datasets, JSON, canonical rows; and finance's mail.

Promises: each file holds the figures of the audit and the rows that they add up from, all read in one
snapshot; rows stream through a server-side cursor; no text of a person becomes a formula or markup.
"""
