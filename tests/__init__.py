"""The tests, a package: else one of the name `tests` that somebody left in site-packages would go before them."""
