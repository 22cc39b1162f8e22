"""For each rule that must hold: a line of the service, what to put in its place, and the test that then must fail.

The line is looked for in all of `app/`, so it may move. Where it is changed, change it here; where a rule is added,
add a line that breaks it.
"""

from typing import NamedTuple


class Mutation(NamedTuple):
    rule: str
    old: str  # a whole line without its indentation, which stands once in app/
    new: str
    red: str  # the name of a test of `make test`


TABLE = (
    Mutation(
        "SAFE_ACK",
        "await stack.enter_async_context(tx.begin())",
        "pass",  # and nothing is committed
        "test_SAFE_ACK_what_was_answered_with_202_is_there_after_a_crash",
    ),
    Mutation(
        "SAFE_ACK",
        "await asyncio.shield(self.cleanup.take_back_upload(import_id))",
        "pass",
        "test_a_mistake_in_the_last_row_leaves_nothing_of_all_the_rows_before_it",
    ),
    Mutation(
        "NO_LOST_ROWS",
        "rows = rows.behind(done)",
        "rows = rows.behind(done + 1)",
        "test_NO_LOST_ROWS_and_FITS_every_record_is_in_exactly_one_part_that_fits",
    ),
    Mutation(
        "NO_LOST_ROWS",
        "self._loose += text[start:end]",
        "self._loose += bytes(text[start:end]).replace(b'\\r', b'')",
        "test_NO_LOST_ROWS_and_FITS_every_record_is_in_exactly_one_part_that_fits",
    ),
    Mutation(
        "FITS",
        'count = min(int(np.searchsorted(sizes_bytes, self._limit_bytes, side="right")), PART_ROWS - self._rows)',
        'count = min(int(np.searchsorted(sizes_bytes, self._limit_bytes + 1, side="right")), PART_ROWS - self._rows)',
        "test_NO_LOST_ROWS_and_FITS_every_record_is_in_exactly_one_part_that_fits",
    ),
    Mutation(
        "FITS",
        "if body.size_bytes > BODY_BYTES:",
        "if body.size_bytes > BODY_BYTES + 1:",
        "test_FITS_a_part_whose_body_is_a_byte_too_long_is_not_sent",
    ),
    Mutation(
        "SLOTS_NOT_OVERSOLD",
        "if states.total() + external >= self.max_queued or not instance.may_submit(at):",
        "if states.total() + external > self.max_queued or not instance.may_submit(at):",
        "test_SLOTS_NOT_OVERSOLD_with_more_work_than_slots",
    ),
    Mutation(
        "ONE_KEY_AT_A_TIME",
        "return Overlap.BY_KEY",
        "return Overlap.NEVER",
        "test_ONE_KEY_AT_A_TIME_a_shared_key_waits_and_everything_else_flows_past",
    ),
    Mutation(
        "ONE_KEY_AT_A_TIME",
        "if first.list_id is not None and first.list_id == second.list_id:",
        "if first.list_id is not None and first.list_id != second.list_id:",
        "test_parts_of_one_list_stand_in_a_row",
    ),
    Mutation(
        "EACH_ITS_OWN",
        "OwnRows(matched, begins[order[bounds[part] : bounds[part + 1]]], firsts[part])",
        "OwnRows(matched, begins[order[bounds[0] : bounds[part + 1]]], firsts[part])",
        "test_EACH_ITS_OWN_every_import_gets_its_own_failures_and_warnings",
    ),
    Mutation(
        "NO_SHARED_BLAME",
        "await jobs.move(tx, job.id, Move.SEPARATE, at=at, values=separated(job), of_job=of_job)",
        "await jobs.move(tx, job.id, Move.FAIL, at=at, values=of_job)",
        "test_NO_SHARED_BLAME_what_fails_as_a_whole_goes_again_one_by_one",
    ),
    Mutation(
        "NEVER_TWICE_BY_ACCIDENT",
        "settled = await job_queries.in_states(tx, lease.instance, {JobState.UNCONFIRMED}, due=at)",
        "settled = await job_queries.in_states(tx, lease.instance, {JobState.UNCONFIRMED})",
        "test_NEVER_TWICE_BY_ACCIDENT_a_lost_answer_is_not_sent_again_before_it_has_settled",
    ),
    Mutation(
        "NEVER_TWICE_BY_ACCIDENT",
        "if policy is OnUnconfirmed.HOLD:",
        "if policy is not OnUnconfirmed.HOLD:",
        "test_NEVER_TWICE_BY_ACCIDENT_a_held_import_waits_for_a_person",
    ),
    Mutation(
        "NEVER_TWICE_BY_ACCIDENT",
        "M.RESUBMIT: Edge(frozenset({S.UNCONFIRMED}), S.WAITING, (Step.RECOVERY, Step.RESOLVE)),",
        "M.RESUBMIT: Edge(frozenset({S.UNCONFIRMED, S.SUBMITTING}), S.WAITING, (Step.RECOVERY, Step.RESOLVE)),",
        "test_NEVER_TWICE_BY_ACCIDENT_a_submission_is_left_by_an_answer_or_for_unconfirmed_only",
    ),
    Mutation(
        "RESULTS_BEFORE_DONE",
        "await self._keep_rows(lease, job, parts, failures, warnings)",
        "pass",
        "test_RESULTS_BEFORE_DONE_an_import_is_not_complete_before_its_failures_are_stored",
    ),
    Mutation(
        "POLL_IS_NOT_FATE",
        "is_forgotten = since is not None and failed.unknown_job and at - since >= FORGOTTEN",
        "is_forgotten = True",
        "test_POLL_IS_NOT_FATE_no_error_of_a_status_call_moves_the_part",
    ),
    Mutation(
        "FENCED",
        '_OF_EPOCH = _BY_NAME.where(instance.c.lease_epoch == bindparam("epoch"))',
        "_OF_EPOCH = _BY_NAME",
        "test_FENCED_a_worker_that_lost_its_lease_can_write_nothing",
    ),
    Mutation(
        "CALM_DEPLOY",
        "while not await self._metronome.ended(within_seconds=self.leases.seconds / 3):",
        "while False:",
        "test_CALM_DEPLOY_a_stop_waits_for_the_call_under_way",
    ),
    Mutation(
        "NO_CALL_IN_TX",
        "answer = await self.marketo.status(target, job.batch_id)",
        "async with self.db.read(): answer = await self.marketo.status(target, job.batch_id)",
        "test_NO_CALL_IN_TX_a_call_inside_a_transaction_is_refused_and_none_is_made",
    ),
    Mutation(
        "NOT_A_GUESS",
        "sure = np.repeat((most - least == count) & for_one_reason, count)",
        "sure = np.repeat(most - least >= count, count)",
        "test_rows_that_look_alike_are_never_guessed",
    ),
    Mutation(
        "NO_SILENCE",
        "await self._tell(tx, Occurrence.BLOCKED, instance, error)",
        "pass",
        "test_wrong_credentials_block_the_instance_and_say_why_until_they_are_mended",
    ),
    Mutation(
        "TIME_IS_AN_ARGUMENT",
        "return monotonic < self.until",
        "return datetime.now(UTC).timestamp() < self.until",
        "test_TIME_IS_AN_ARGUMENT_only_the_clocks_ask_the_machine",
    ),
    Mutation(
        "SECRETS_STAY_IN",
        'f"{self._settings.identity}/oauth/token",',
        'f"{self._settings.identity}/oauth/token?client_secret={self._settings.client_secret.get_secret_value()}",',
        "test_SECRETS_STAY_IN_the_header_and_the_form",
    ),
    Mutation(
        "SECRETS_STAY_IN",
        'message = message.replace(secret, "***") if len(secret) > 3 else message',
        "pass",
        "test_SECRETS_STAY_IN_the_header_and_the_form",
    ),
    Mutation(
        "SIMULATOR_RESTATES",
        "from app.simulator.answers import MESSAGES, Refusal",
        "from app.domain.lifecycle import TABLE; from app.simulator.answers import MESSAGES, Refusal",
        "test_SIMULATOR_RESTATES_neither_side_imports_the_other",
    ),
)
