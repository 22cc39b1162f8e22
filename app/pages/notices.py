"""What is said after a deed, on the page that it leads to. Only sentences of ours: a link can say nothing else."""

from collections.abc import Mapping

from app.web.values import whole

DID, OF = "did", "of"  # parameters of the page
SENTENCES = {
    "given_up": "Import {of} was given up: what Marketo had of it counts as failed, and its places are free.",
    "sent_again": "What was unconfirmed of import {of} waits again, and goes to Marketo in its turn.",
    "retried": "Import {of} was made of the rows that failed.",
    "cancelled": "What waited of import {of} is cancelled.",
    "discarded": "Import {of} is discarded: nothing of it is sent.",
    "released": "Import {of} is released, and goes to Marketo in its turn.",
    "changed": "Import {of} is changed.",
    "erased": "The rows of import {of} are erased; its counts and its history stay.",
    "arrived": "Import {of} is followed as the job that you named.",
    "rejected_sent": "Import {of} was made of the rows that Marketo rejected.",
    "mended": "Import {of} was made of the rows that you mended.",
    "corrected": "Import {of} was made of the corrected file.",
    "paused": "The instance is paused: nothing new goes to Marketo, and what is there is followed to its end.",
    "resumed": "The instance goes on.",
    "signed_out": "You are signed out.",
}
LARGEST_ID = 2**63 - 1


def notice_of(parameters: Mapping[str, str]) -> str | None:
    """The sentence that the page's address asks for; None where there is none."""
    sentence = SENTENCES.get(parameters.get(DID, ""))
    if sentence is None or "{of}" not in sentence:
        return sentence
    number = whole(parameters.get(OF, ""), 1, LARGEST_ID)
    return sentence.format(of=number) if number else None
