"""What need not be given: the place of the checkpoint, and an application for a check."""

from __future__ import annotations

from glob import has_magic
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from loader.stores.address import is_address, name_locally

if TYPE_CHECKING:
    from loader.methods import Kind

#: The last part of the name of every checkpoint that the loader names itself.
ENDING = ".ckpt"
#: What the kept result of a query adds to the name of its checkpoint.
RESULT_ENDING = ".input.parquet"
# Bodies made without an application, for a check or for the sandbox, carry this one.
NO_APPLICATION = "XXXXX-XXXXX"


def default_checkpoint(kind: Kind, first: str, *, sandbox: bool, folder: Path | None = None) -> Path:
    """Beside the first input, or under the same name in a folder that was set for all checkpoints."""
    beside = find_place(kind, first, sandbox=sandbox)
    return beside if folder is None else folder / beside.name


def find_place(kind: Kind, first: str, *, sandbox: bool) -> Path:
    """Beside the first input, a file or folder; of a pattern, in the folder where it begins.

    Of an input that lies elsewhere it is in the present folder, under the name that the input has there.

    It does not depend on which files a folder or pattern holds now: with one more it is still this load's,
    and refused; another name would begin again. A rehearsal in the sandbox has its own.
    """
    ending = f"{kind}{'.sandbox' if sandbox else ''}{ENDING}"
    if is_address(first):
        return Path(f"{name_locally(first)}.{ending}")
    path = Path(first)
    if has_magic(first) and not path.exists():
        plain = list(takewhile(lambda part: not has_magic(part), path.parts))
        return Path(*plain, ending)
    around = next((parent for parent in path.parents if parent.is_file()), None)
    if around is not None:  # a file in a ZIP archive
        return around.with_name(f"{around.name}.{'-'.join(path.relative_to(around).parts)}.{ending}")
    return path.with_name(f"{path.name}.{ending}") if path.name else Path(ending)
