"""What need not be given: the token from the environment, the place of the checkpoint."""

from __future__ import annotations

import os
from glob import has_magic
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from loader.errors import ConfigError
from loader.settings import Token

if TYPE_CHECKING:
    from loader.methods import Kind

TOKEN_VARIABLE = "PUSHWOOSH_API_TOKEN"  # noqa: S105 - the name of the variable, not a token

# Bodies made without an application, for a check or for the sandbox, carry this one.
NO_APPLICATION = "XXXXX-XXXXX"


def read_token(file: Path | None = None) -> Token | None:
    """The token from the file, or else from the environment; None if neither is given.

    Raises:
        ConfigError: the file cannot be read, or its text cannot be a token.
    """
    if file is None:
        text = os.environ.get(TOKEN_VARIABLE)
        return Token(text) if text else None
    try:
        # Editors end a file with a line end; one does not belong to the token, more are refused.
        text = file.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(f"The token file {file} cannot be read: {reason}.") from None
    return Token(text)


def default_checkpoint(kind: Kind, first: str, *, sandbox: bool) -> Path:
    """Beside the first input, a file or folder; of a pattern, in the folder where it begins.

    It does not depend on which files a folder or pattern holds now: with one more it is still this load's,
    and refused; another name would begin again. A rehearsal in the sandbox has its own.
    """
    ending = f"{kind}{'.sandbox' if sandbox else ''}.ckpt"
    path = Path(first)
    if has_magic(first) and not path.exists():
        plain = list(takewhile(lambda part: not has_magic(part), path.parts))
        return Path(*plain, ending)
    around = next((parent for parent in path.parents if parent.is_file()), None)
    if around is not None:  # a file in a ZIP archive
        return around.with_name(f"{around.name}.{'-'.join(path.relative_to(around).parts)}.{ending}")
    return path.with_name(f"{path.name}.{ending}") if path.name else Path(ending)
