"""Where each module is tested: in the file of its name, or in those that the table names."""

from __future__ import annotations

from pathlib import Path

import loader

LOADER, TESTS = Path(loader.__file__).parent, Path(__file__).parent

#: Modules that are parts of something which is tested as a whole, by the folder that they are in.
TESTED_IN = {
    ".": {
        "model errors choices option_values settings _version": [
            "test_load_options.py",
            "test_message.py",
            "test_pipeline.py",
        ],
        "file_names": ["cli/test_asking.py", "cli/test_standard_input.py"],
        "crew": ["cluster/test_cluster_loads.py", "test_pipeline.py"],
        "reading": ["test_leases.py"],
        "policies interrupts": ["test_pipeline.py", "crash/test_signals.py", "test_retries.py"],
        "bookkeeping": ["cli/test_ledger.py", "ledger/test_crashes.py"],
        "left_out_rows": ["cli/test_left_out.py", "api/test_results.py"],
        "checking": [
            "test_first_pass.py",
            "cli/test_check.py",
            "cli/test_check_ledger.py",
            "profile/test_unmatched.py",
        ],
        "checkpoint_facts": ["test_failures.py", "cli/test_status.py"],
        "late_imports": ["cli/test_start.py"],
        "printable": ["text/test_escape.py"],
        "raw_values": ["sources/test_jsonblocks.py", "mapping/test_jsontext.py"],
        "reporting": ["cli/test_report.py", "report/test_html.py"],
        "__main__": ["cli/test_help.py", "cli/test_outputs.py"],
    },
    "api": {
        "counts": ["api/test_verify_landed.py"],
        "given fates": ["api/test_frames.py", "api/test_results.py"],
        "spelling": ["api/test_interface.py"],
        "check_page checkpoint proposing page": ["api/test_results.py", "api/test_mapping.py"],
    },
    "canary": {"choosing things": ["canary/test_canary_cover.py"]},
    "cluster": {
        "crew messages station": ["cluster/test_cluster_loads.py"],
    },
    "cli": {
        "ending": ["cli/test_loading.py", "cli/test_endings.py", "cli/test_report.py"],
        "parsing sections": ["cli/test_options.py", "cli/test_help.py"],
        "check_jobs": ["cli/jobs/test_run.py"],
        "show_verification": ["cli/test_verify.py"],
        "show_counts": ["cli/test_verify_counts.py"],
        "verify_sources": ["cli/test_verify_landed.py"],
        "show show_checkpoint": ["cli/test_loading.py", "cli/test_status.py", "cli/test_resolve.py"],
    },
    "cli/jobs": {
        "job_claims job_keys job_reading job_words": ["cli/jobs/test_job_file.py"],
        "job_requests series": ["cli/jobs/test_run.py"],
    },
    "delivery": {
        "headers": ["profile/test_estimate.py", "delivery/transports/test_contract.py"],
        "clock brake lanes policy outbox governor wording": [
            "delivery/test_dispatch.py",
            "delivery/test_verdicts.py",
        ],
    },
    "delivery/transports": {
        "target future_line": ["delivery/transports/test_contract.py"],
        "probing": ["cli/test_doctor.py"],
    },
    "delivery/transports/curl": {
        "exchange handle multi pool": ["delivery/transports/test_curl_line.py"],
        "probe": ["cli/test_doctor.py"],
    },
    "delivery/transports/curl_session": {
        "prepare request response session thread": ["delivery/transports/test_curl_session.py"]
    },
    "delivery/transports/processes": {"channel worker": ["delivery/transports/test_process_line.py"]},
    "delivery/transports/requests": {"sockets": ["delivery/transports/test_requests_transport.py"]},
    "doctor": {"examination machine network": ["cli/test_doctor.py"]},
    "fixed_rows": {"conversion fixed lost_digits places reading standing": ["test_fixed_rows.py"]},
    "journal": {
        "fixed_cells": ["test_fixed_rows.py"],
        "byte_lock hold lock": ["journal/test_attacks.py"],
        "removal": ["cli/test_prune.py"],
        "folder_trial": ["cli/test_doctor.py"],
        "beginning binding checkpoint_files commits identity reading schema store": [
            "journal/test_opening.py",
            "journal/test_recovering.py",
            "journal/test_flips.py",
        ],
        "settlement slots table_rows": [
            "journal/test_stateful.py",
            "journal/test_recovery.py",
            "journal/test_kill.py",
        ],
        "bitmap host ranges sizing": ["journal/test_parts.py"],
    },
    "lookups": {"table": ["lookups/test_opening.py", "mapping/test_lookups.py"]},
    "mapping": {
        "known_keys": ["mapping/test_proposed_rows.py", "cli/test_left_out.py"],
        "binding clocks describe instants transitions": [
            "mapping/test_timestamps.py",
            "mapping/test_zones.py",
        ],
        "written_zones": ["mapping/test_notations.py"],
        "zone_faults zone_names": ["mapping/test_offsets.py"],
        "field_values findings origins table": ["mapping/test_mapper.py", "mapping/test_columns.py"],
        "canonical_text keys names rules": ["mapping/test_file.py"],
    },
    "mapping/nested": {"keyed members rows rows_of_pairs schema steps": ["mapping/test_paths.py"]},
    "mapping/proposing": {
        "by_content nothing proposed_times": ["mapping/test_proposed_content.py"],
        "proposal proposal_text proposed_members sampling": [
            "mapping/test_propose.py",
            "mapping/test_presets.py",
        ],
    },
    "profile": {
        "findings known plain_text names profile record times": [
            "cli/test_check.py",
            "cli/test_show_check.py",
        ],
        "suspicion": ["profile/test_suspicions.py"],
    },
    "monitoring": {"measures state telemetry": ["monitoring/test_monitor.py"]},
    "progress": {"moment watch": ["progress/test_lines.py", "progress/test_notebook.py"]},
    "look": {"drawing numbers svg": ["report/test_html.py", "sandbox/page/test_page_in_a_browser.py"]},
    "planning": {
        "drawing_up plan preparing resuming": ["test_pipeline.py", "profile/test_suspicions.py"],
        "growing": ["test_growth.py", "cli/test_left_out.py"],
        "refusals": ["test_load_options.py", "cli/test_ledger.py"],
    },
    "queries": {
        "keeping": ["cli/test_asking.py"],
        "query result": ["queries/engines/test_duckdb.py", "cli/test_asking.py"],
        "streams": ["api/test_asking.py"],
        "tables": ["queries/test_names_of_tables.py"],
    },
    "queries/engines": {
        "packages": ["queries/engines/test_duckdb.py"],
        "rows sqlalchemy": ["queries/engines/test_sqlite.py"],
        "mysql_reading": ["queries/engines/test_mysql.py"],
        "adbc bigquery snowflake": ["queries/engines/test_warehouses.py"],
    },
    "report": {"axes charts facts remedies": ["report/test_html.py", "report/test_course.py"]},
    "sandbox/faults": {
        "connection": ["sandbox/faults/test_misbehaviour.py"],
        "kinds occasions spec": ["sandbox/faults/test_dealer.py", "sandbox/faults/test_spec_text.py"],
    },
    "sandbox": {
        "__main__": ["sandbox/test_server.py", "sandbox/test_checks.py"],
        "app json_text management replies rules": ["sandbox/test_vendor.py", "sandbox/test_checks.py"],
    },
    "sandbox/store": {
        "bodies": ["cli/test_verify.py"],
        "catalogue holdings reading schema state writing": [
            "sandbox/test_vendor.py",
            "sandbox/test_sandbox_model.py",
            "sandbox/store/test_sandbox_store.py",
            "sandbox/store/test_replay.py",
        ],
    },
    "sandbox/page": {
        "__main__ drawer replies": ["sandbox/page/test_front.py"],
        "marks reading state tallies": ["sandbox/page/test_following.py"],
        "asked catalogue live oddities routes timeline": ["sandbox/page/test_views.py"],
        "drawings": ["sandbox/page/test_views.py", "sandbox/page/test_page_in_a_browser.py"],
        "tables": ["sandbox/page/test_downloads.py"],
    },
    "sources": {
        "fixed": ["test_fixed_rows.py"],
        "boundaries records ragged": ["sources/test_segments.py", "sources/test_delimited.py"],
        "advice trial": ["sources/test_signs.py"],
        "textforms": ["sources/test_signs.py", "sources/test_escapes.py", "databases/test_dumps_of_texts.py"],
        "cover": ["sources/test_escapes.py"],
        "alongside": ["sources/test_formats.py", "test_first_pass.py"],
        "reasons": ["sources/test_swallowed.py"],
        "partitions": ["sources/test_files.py"],
        "jsoncauses jsonvalues": ["sources/test_jsonlines.py"],
        "jsonrecords": ["sources/test_jsonblocks.py", "sources/test_jsonlines.py"],
        "worksheet": ["sources/test_excel.py"],
        "avrotypes": ["sources/test_avro.py"],
        "plain_columns": ["column_types/test_carrying.py", "column_types/test_decisions.py"],
        "storedfile": ["stores/test_stored_inputs.py"],
    },
    "stores": {
        "access address ahead cloud finding stored trouble web": [
            "stores/test_stored_inputs.py",
            "stores/test_commands.py",
        ],
        "output whole": ["stores/test_commands.py"],
    },
    "sources/frames": {"fingerprint objects reader tables": ["api/test_frames.py"]},
    "verification": {
        "rows differences pairing matching rematching": ["verification/test_comparison.py"],
        "expected stored standing listing settling": ["cli/test_verify.py"],
    },
    "verification/counts": {
        "hours": ["verification/counts/test_readings.py"],
        "counting tables": ["cli/test_verify_counts.py"],
    },
    "verification/exports": {
        "export landed_mapping last_calls scope shape": ["verification/exports/test_export_comparison.py"]
    },
    "gone": {"input_keys": ["ledger/test_kept_ids.py"], "known listing": ["cli/test_report_gone.py"]},
    "known_keys": {
        "checking fates keys ledger_notes reasons running sifting": [
            "cli/test_ledger.py",
            "cli/test_left_out.py",
        ],
        "judging": ["ledger/test_crashes.py"],
    },
    "ledger": {
        "records run_files": ["ledger/test_runs.py"],
        "sending store": [
            "ledger/test_crashes.py",
            "ledger/test_files.py",
            "ledger/test_users.py",
            "cli/test_ledger.py",
        ],
        "ledger_lock": ["cli/test_ledger.py"],
    },
    "text": {"account": ["docs/test_reference.py", "cli/test_status.py"]},
}


def modules() -> set[tuple[str, str]]:
    """Each module, by folder and name."""
    return {
        (path.parent.relative_to(LOADER).as_posix(), path.stem)
        for path in LOADER.rglob("*.py")
        if path.name != "__init__.py"
    }


def in_table() -> set[tuple[str, str]]:
    """The modules that the table names."""
    return {(folder, name) for folder, rows in TESTED_IN.items() for names in rows for name in names.split()}


def has_own_file(folder: str, name: str) -> bool:
    """Whether a test file has the name of the module."""
    own = {path.stem for path in TESTS.rglob("test_*.py")}
    return bool({f"test_{name}", f"test_{Path(folder).name}_{name}"} & own)


def test_it_is_known_where_each_module_is_tested() -> None:
    """A new engineer finds the tests of a module by its name, or in the table above."""
    assert {module for module in modules() if not has_own_file(*module)} == in_table()


def test_the_table_names_tests_that_exist() -> None:
    """A test that is renamed is renamed in the table too."""
    named = {test for rows in TESTED_IN.values() for tests in rows.values() for test in tests}
    assert not {test for test in named if not (TESTS / test).is_file()}
