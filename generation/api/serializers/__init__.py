"""Bodies and answers: what is read is checked for its shape, what is answered is listed by name."""
