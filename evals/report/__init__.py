"""Tables, published numbers and lists: a laptop can make them, without torch."""
