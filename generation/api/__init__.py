"""The JSON API under /api/v1/: the whole job without a page.

Views are thin callers of the work functions. Each declares the right that every method needs (`policy`),
reaches rows through the membership of its token, and answers refusals as problem documents (RFC 9457).
"""
