"""Help in sections: thirty options in one list are read by nobody."""

from __future__ import annotations

import click

# Options in the order in which a person needs them; no command has all of them. What is in no section stands
# first.
SECTIONS = {
    "Where to": ("application", "endpoint", "token_file", "sandbox", "sandbox_store", "proxy", "ca_bundle"),
    "What is loaded": ("mapping", "only", "files", "limit", "checkpoint", "dry_run"),
    "How fast, and in which order": ("concurrency", "processes", "rate", "transport", "order"),
    "When rows fail": ("on_doubt", "max_rejected", "max_in_doubt"),
    "How text files are written": ("delimiter", "quote", "encoding", "header", "columns"),
    "What is said": ("rejects", "form", "summary", "report", "quiet", "log_format", "yes", "help"),
}
FEW = 9
WIDEST = 29


class Sectioned(click.Command):
    """A command that shows its options in sections, where it has many."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write them."""
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        # Click calls the option for help by another name in each version.
        names = ["help" if "--help" in option.opts else str(option.name) for option in options]
        shown = zip(names, (option.get_help_record(ctx) for option in options), strict=True)
        records = {name: record for name, record in shown if record is not None}
        if len(records) <= FEW:
            super().format_options(ctx, formatter)
            return
        placed = {name for names in SECTIONS.values() for name in names}
        sections = {"Options": tuple(name for name in records if name not in placed)} | SECTIONS
        for title, members in sections.items():
            if rows := [padded(*records[name]) for name in members if name in records]:
                with formatter.section(title):
                    formatter.write_dl(rows, col_max=WIDEST)


def padded(term: str, text: str) -> tuple[str, str]:
    """A row whose text stands where that of every section does."""
    return f"{term:<{WIDEST}}", text
