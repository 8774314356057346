"""Random histories of a contact centre, and what must hold for every one of them."""
