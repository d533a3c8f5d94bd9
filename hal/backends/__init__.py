"""Back ends: mechanisms that boards of several families share, each in one place. Plugins construct them."""
