"""Bodies and answers of the API: what is read is checked for its shape, what is answered is listed by name."""
