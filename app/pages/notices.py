"""What is said after a deed, on the page that it leads to. Only sentences of ours: a link can say nothing else."""

from collections.abc import Mapping

from app.web.values import LARGEST_ID, SMALLEST_ID, whole

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
    "job_sent_again": "What was in the job waits again, and goes to Marketo in its turn.",
    "job_accepted": "The job is followed to its end at Marketo, under the number that you gave.",
    "job_given_up": "The job was given up: it counts as failed, and its place is free.",
    "key_revoked": "The key is revoked: it opens nothing any more, and whoever was signed in with it is signed out.",
    "webhook_changed": "The webhook is changed.",
    "webhook_on": "The webhook is on: it is told of what happens from now on.",
    "webhook_off": "The webhook is off. What waited for it counts as failed, and can be sent again once it is on.",
    "webhook_deleted": "The webhook and its history are deleted.",
    "test_sent": "A test is on its way: delivery {of} below says what became of it.",
    "redelivered": "Delivery {of} is sent again, with what is true now.",
    "stored": "The file is stored. Nothing of it is sent before you say so.",
    "sent": "Import {of} goes to Marketo in its turn.",
    "signed_out": "You are signed out.",
}


def notice_of(parameters: Mapping[str, str]) -> str | None:
    """The sentence that the page's address asks for; None where there is none."""
    sentence = SENTENCES.get(parameters.get(DID, ""))
    if sentence is None or "{of}" not in sentence:
        return sentence
    number = whole(parameters.get(OF, ""), SMALLEST_ID, LARGEST_ID)
    return sentence.format(of=number) if number else None
