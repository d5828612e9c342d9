"""Which source of what landed `verify` compares with, if it is not the store of a sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - the fields' types are read to make options
from typing import TYPE_CHECKING

from loader.errors import ConfigError
from loader.message import Message, Setting
from loader.option import FileUse, Option, Section, option
from loader.stores.address import Address  # noqa: TC001 - the fields' types are read to make options
from loader.text.escape import quote_for_shell

if TYPE_CHECKING:
    from loader.verification.exports.landed_mapping import ExportRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """What to compare with."""

    landed: tuple[str, ...] = option(
        (),
        Option(
            "Compare with this export of what landed, in any format that can be loaded. Give it once for "
            "each file, or name a folder or a pattern.",
            Section.OTHER,
            metavar="FILE",
            without="the store of a sandbox",
            file=FileUse.INPUT,
        ),
    )
    landed_mapping: Path | Address | None = option(
        None,
        Option(
            "Mapping file (TOML) of the export: its columns, and under [source] how its text is written.",
            Section.OTHER,
            metavar="FILE",
            without="the mapping of the load, as far as the export has its columns",
            file=FileUse.READ,
        ),
    )
    complete: bool = option(
        False,  # noqa: FBT003 - the value of a flag that is not set
        Option(
            "The export holds everything of this load that landed. Only then is a row in doubt that is not "
            "in it settled as not landed.",
            Section.OTHER,
        ),
    )
    counts: bool = option(
        False,  # noqa: FBT003 - the value of a flag that is not set
        Option(
            "Compare with the vendor's own counts by event and hour. This needs the server token of the "
            "account, from PUSHWOOSH_SERVER_TOKEN or a file. Written from the vendor's documentation alone.",
            Section.OTHER,
        ),
    )
    server_token_file: Path | None = option(
        None,
        Option(
            "File that holds the server token. It is another secret than the device token of a load.",
            Section.PLACE,
            metavar="FILE",
            without="PUSHWOOSH_SERVER_TOKEN",
            file=FileUse.READ,
        ),
    )

    @property
    def typed(self) -> str:
        """The options of an export as they are typed, each with a blank behind it; "" without one."""
        words = [f"--landed {quote_for_shell(file)} " for file in self.landed]
        if self.landed_mapping is not None:
            words.append(f"--landed-mapping {quote_for_shell(str(self.landed_mapping))} ")
        return "".join([*words, *(["--complete "] if self.complete else [])])

    @property
    def export(self) -> ExportRequest:
        """The export."""
        from loader.verification.exports.landed_mapping import ExportRequest  # noqa: PLC0415 - `--help` must start without pandas

        return ExportRequest(self.landed, self.landed_mapping, complete=self.complete)

    def refuse_mixed(self, *, store: Path | None, settle: bool) -> None:
        """Refuse options that have nothing in common.

        Args:
            store: the store of a sandbox, if one is named.
            settle: whether rows in doubt are to be settled.

        Raises:
            ConfigError: there are some.
        """
        named = {
            "sandbox_store": store is not None,
            "landed": bool(self.landed),
            "counts": self.counts,
        }
        given = [Setting(name) for name, is_given in named.items() if is_given]
        if len(given) > 1:
            raise ConfigError(
                Message("{one} and {other} are two sources. Give one of them.", one=given[0], other=given[1])
            )
        if self.counts and settle:
            raise ConfigError(
                Message(
                    "{settle} needs rows, and {counts} knows only numbers of them. Settle by an export, with "
                    "{landed}.",
                    settle=Setting("settle"),
                    counts=Setting("counts"),
                    landed=Setting("landed"),
                )
            )
        self._refuse_alone("landed", needed=not self.landed, given=("landed_mapping", "complete"))
        self._refuse_alone("counts", needed=not self.counts, given=("server_token_file",))

    def _refuse_alone(self, whole: str, *, needed: bool, given: tuple[str, ...]) -> None:
        for name in given if needed else ():
            if getattr(self, name):
                raise ConfigError(
                    Message("{one} goes with {whole}.", one=Setting(name), whole=Setting(whole))
                )
