"""What a load must survive on its own machine, and where each is tried."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

# A fault, and its tests: the module, and the names in it.
FAULTS: dict[str, dict[str, tuple[str, ...]]] = {
    "SIGKILL at random instants, resumed to the end; doubts a kill: on the wire, and one flush": {
        "crash/test_crash.py": ("test_a_load_that_is_killed_again_and_again_ends_complete",),
        "journal/test_kill.py": ("test_the_account_is_true_after_kills_at_any_line",),
        "test_load.py": ("test_kill_and_resume_lose_nothing",),
    },
    "SIGKILL between lease and first send; answer and flush; flush and slot clear": {
        "journal/test_kill.py": ("test_a_kill_at_an_exact_instant",),
    },
    "SIGKILL while opening, while a chunk is completed, while the log is folded": {
        "journal/test_kill.py": ("test_a_kill_while_opening_changes_no_classification",),
        "journal/test_disk.py": ("test_an_end_at_any_write_that_completes_a_chunk",),
        "journal/test_powerloss.py": ("test_whenever_the_end_comes_the_account_is_true",),
        "journal/test_opening.py": ("test_a_kill_while_the_log_is_folded_leaves_a_checkpoint_that_opens",),
    },
    "power loss: unsynced writes dropped, torn, reordered; another boot": {
        "journal/test_powerloss.py": (
            "test_whenever_the_end_comes_the_account_is_true",
            "test_a_lease_that_is_not_synced_would_be_seen",
        ),
        "journal/test_disk.py": ("test_an_end_at_any_write_that_completes_a_chunk",),
        "journal/test_recovery.py": ("test_a_lease_is_synced_and_outcomes_are_not",),
    },
    "Ctrl-C or SIGTERM once, twice, while the vendor asked to wait": {
        "crash/test_signals.py": (
            "test_one_signal_leaves_no_doubt",
            "test_a_second_signal_ends_at_once",
            "test_a_signal_while_the_vendor_asked_to_wait",
        ),
        "test_load.py": ("test_interrupt_drains_and_says_how_to_go_on",),
    },
    "two processes on one checkpoint; the lock file of a killed one": {
        "test_load.py": ("test_a_second_copy_is_refused", "test_kill_and_resume_lose_nothing"),
    },
    "the same process opens a checkpoint again while it loads with it, as a notebook cell would": {
        "journal/test_journal.py": ("test_the_second_load_is_refused_in_plain_words",),
    },
    "a full disk at a lease, at a flush, for the reserve, for ever": {
        "journal/test_disk.py": (
            "test_a_disk_that_fills_up_at_any_write_of_a_lease",
            "test_a_disk_that_is_full_at_any_write_of_outcomes",
        ),
        "journal/test_recovery.py": ("test_a_disk_that_stays_full_ends_the_run",),
        "journal/test_opening.py": ("test_a_disk_without_room_for_the_reserve_is_refused",),
    },
    "a full disk where failed rows are written out": {
        "cli/test_failures.py": ("test_failures_that_cannot_be_written_say_so",),
    },
    "a sync that fails once and then succeeds": {
        "journal/test_disk.py": (
            "test_a_sync_that_fails_once",
            "test_a_sync_that_fails_at_the_end_loses_no_answer",
        ),
        "journal/test_recovery.py": ("test_after_a_commit_that_failed_once_nothing_is_written_again",),
    },
    "a folder in which nothing can be made, a file that cannot be written": {
        "cli/test_loading.py": ("test_a_folder_where_no_file_can_be_made_is_not_called_in_use",),
        "journal/test_opening.py": ("test_a_folder_that_is_read_only_is_refused",),
        "journal/test_recovery.py": ("test_a_checkpoint_that_cannot_be_opened_for_writing_says_so",),
    },
    "the checkpoint is deleted or replaced during the run": {
        "journal/test_recovery.py": ("test_a_file_that_vanishes_during_the_run_is_noticed",),
        "test_load.py": ("test_a_lost_checkpoint_stops_the_load",),
    },
    "one flipped bit anywhere": {
        "journal/test_flips.py": ("test_a_flipped_bit_is_harmless_or_refused",),
    },
    "a truncated, empty, foreign or newer file": {
        "journal/test_opening.py": (
            "test_a_truncated_checkpoint_is_refused",
            "test_a_file_that_is_no_checkpoint_is_refused_and_kept",
            "test_a_foreign_database_is_refused_and_kept",
            "test_a_newer_version_is_refused",
        ),
    },
    "the log deleted or cut, an older copy restored": {
        "journal/test_opening.py": (
            "test_a_deleted_log_is_refused",
            "test_a_log_cut_short_is_refused",
            "test_an_older_copy_is_refused",
            "test_parts_without_their_checkpoint_are_refused",
        ),
    },
    "the slot file is missing, garbage, of another run": {
        "journal/test_recovery.py": ("test_slots_that_cannot_be_trusted_put_the_whole_lease_in_doubt",),
    },
    "the input is cut, appended to, written to in place or through a map, or replaced during the load": {
        "test_input_changes.py": (
            "test_no_row_is_sent_that_was_not_surveyed",
            "test_the_same_command_refuses_what_is_still_changed",
            "test_a_file_that_is_replaced_is_read_to_its_end",
        ),
        "sources/test_formats.py": ("test_what_is_given_out_is_what_was_surveyed",),
        "api/test_calls.py": ("test_a_cell_that_is_changed_while_it_is_loaded_ends_the_load",),
    },
    "any sequence of these": {"journal/test_stateful.py": ("TestJournal",)},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_its_tests(fault: str) -> None:
    """The table names tests that exist."""
    for module, names in FAULTS[fault].items():
        text = (TESTS / module).read_text(encoding="utf-8")
        for name in names:
            assert re.search(rf"^(def {name}\(|{name} = )", text, re.MULTILINE), f"{module}::{name}"
