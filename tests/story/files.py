"""Small files for the three targets, in the three formats."""

LEADS = b"email,firstName,lastName,leadScore\nann@example.com,Ann,Ash,1\nbob@example.com,Bob,Beech,2\n"
LEADS_WITH_TROUBLE = (
    b"email,firstName,lastName,leadScore\n"
    b"ann@example.com,Ann,Ash,1\n"
    b"bob@example.com,Bob,Beech,many\n"  # failed: not an integer
    b"not-an-address,Cid,Cedar,3\n"  # warned
    b",Dot,Dogwood,4\n"  # failed: no key
    b'eve@example.com,"Eve, the first",Elm,5\n'
)
CARS = b"vin;make;model;color\nVIN1;bmw;2002;red\n;audi;80;blue\nVIN3;vw;golf;green\n"
MEMBERS = b"email\tfirstName\nann@example.com\tAnn\nbob@example.com\tBob\n"


def leads(count: int, *, start: int = 0) -> bytes:
    """A file of so many leads, nobody's key the same."""
    return b"email,firstName\n" + b"".join(b"p%d@example.com,P%d\n" % (n, n) for n in range(start, start + count))
