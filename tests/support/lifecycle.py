"""The moves of a part, restated: the service's own table is held against them."""

MOVES = {  # move → (from, to), as docs/lifecycle.md has them
    "claim": ({"waiting"}, "submitting"),
    "accept": ({"submitting", "unconfirmed"}, "queued"),
    "turn_away": ({"submitting"}, "waiting"),
    "refuse": ({"submitting"}, "failed"),
    "lose": ({"submitting"}, "unconfirmed"),
    "resubmit": ({"unconfirmed"}, "waiting"),
    "separate": ({"submitting", "queued", "importing", "collecting"}, "waiting"),
    "start": ({"queued"}, "importing"),
    "finish": ({"queued", "importing"}, "collecting"),
    "fail": ({"queued", "importing"}, "failed"),
    "give_up": ({"unconfirmed", "queued", "importing", "collecting"}, "failed"),
    "collect": ({"collecting"}, "complete"),
    "forget": ({"queued", "importing"}, "unconfirmed"),
    "cancel": ({"waiting"}, "cancelled"),
    "abandon": ({"waiting"}, "failed"),
}
