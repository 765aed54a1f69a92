"""One headband's radio link: find, connect, stream, and again, all night."""
