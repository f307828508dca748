"""Is what the providers billed what we used? Files in, matches, differences, and what becomes of them.

Promises: nothing is imported in part, twice, or in another currency than it says; nothing is matched without
a reason; ours and theirs are bridged by kind to the last digit; what was settled is never edited.
"""
