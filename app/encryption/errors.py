"""What can go wrong with what is sealed."""


class MissingKey(Exception):
    """What is stored needs a key that this process was not given. It waits until it is."""


class BrokenSeal(Exception):
    """It is not what was sealed, not at this place, or not by this key. It must not be used."""
