"""What is known before the first send: the input, its mapping, and what earlier runs left.

prepare(settings)   settings -> Plan, or what speaks against it (preparing.py)
Plan                all that is known (plan.py)
drawing_up          the input surveyed, and the mapping bound to it
growing             an input that has grown since its checkpoint was made
refusals            too few rows, a ledger without keys
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.late_imports import import_on_use

if TYPE_CHECKING:
    from loader.planning.drawing_up import draw_up
    from loader.planning.plan import Plan, build_identity, is_resent
    from loader.planning.preparing import prepare
    from loader.planning.refusals import refuse_keyless, say_no_ledger

__all__ = ["Plan", "build_identity", "draw_up", "is_resent", "prepare", "refuse_keyless", "say_no_ledger"]

__getattr__ = import_on_use(
    __name__,
    {
        ".drawing_up": "draw_up",
        ".plan": "Plan build_identity is_resent",
        ".preparing": "prepare",
        ".refusals": "refuse_keyless say_no_ledger",
    },
)
