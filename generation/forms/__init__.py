"""Forms of this room's pages; the rules themselves stand in the work functions that they call."""
