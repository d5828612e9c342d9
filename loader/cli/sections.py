"""Help in sections, because nobody reads thirty options in one list."""

from __future__ import annotations

from typing import Any

import click

from loader.option import Section

FEW = 9
WIDEST = 29


class SectionedOption(click.Option):
    """An option that knows in which section of a long help it stands."""

    def __init__(self, *args: Any, section: Section, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.section = section


class Sectioned(click.Command):
    """A command that shows its options in sections if it has many."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write them."""
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        shown = [(find_section(option), option.get_help_record(ctx)) for option in options]
        if len(shown) <= FEW:
            super().format_options(ctx, formatter)
            return
        for section in Section:
            if rows := [
                pad_row(*record) for place, record in shown if place is section and record is not None
            ]:
                with formatter.section(section):
                    formatter.write_dl(rows, col_max=WIDEST)


def find_section(option: click.Option) -> Section:
    """The section of an option; click's own option for help comes last."""
    return option.section if isinstance(option, SectionedOption) else Section.OUTPUT


def pad_row(term: str, text: str) -> tuple[str, str]:
    """Pad a term, so that the texts of all sections are aligned."""
    return f"{term:<{WIDEST}}", text
