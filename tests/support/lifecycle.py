"""The moves of a part, restated: the service's own table is held against them."""

MOVES = {  # move → (from, to), as docs/lifecycle.md has them
    "claim": ({"waiting"}, "submitting"),
    "accept": ({"submitting", "unconfirmed"}, "queued"),
    "turn_away": ({"submitting"}, "waiting"),
    "refuse": ({"submitting"}, "failed"),
    "lose": ({"submitting"}, "unconfirmed"),
    "resubmit": ({"unconfirmed"}, "waiting"),
    "start": ({"queued"}, "importing"),
    "finish": ({"queued", "importing"}, "collecting"),
    "fail": ({"queued", "importing"}, "failed"),
    "collect": ({"collecting"}, "complete"),
    "forget": ({"queued", "importing"}, "unconfirmed"),
    "cancel": ({"waiting"}, "cancelled"),
    "abandon": ({"waiting"}, "failed"),
}
