"""Charts as SVG without a script, a style or a link: the page's style sheet colours them.

pygal draws; what it adds for browsers with a network (scripts, tool tips, its address) is taken out again.
Each chart comes in two widths, of which the page shows the one that fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from loader.look.drawing import Style, etree

WIDE, NARROW = 720, 340
_SUPERFLUOUS = ("script", "style", "desc", "title")
_FONT = 12
_LABEL = 7  # characters


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart in two widths, with words for readers who cannot see it."""

    wide: Markup
    narrow: Markup


def align_label(label: str) -> str:
    """A label of one width in all charts, so that what happened at one time stands below each other."""
    return label.rjust(_LABEL, "\N{FIGURE SPACE}")


def configure(width: int, height: int) -> dict[str, Any]:
    """The settings of a chart in the house's look."""
    fonts = dict.fromkeys(("label_font_size", "major_label_font_size", "title_font_size"), _FONT)
    return {
        "width": width,
        "height": height,
        "style": Style(font_family="inherit", **fonts),
        "js": [],
        "css": [],
        "no_prefix": True,
        "disable_xml_declaration": True,
        "allow_interruptions": True,
        "show_dots": False,
        "show_legend": False,
        "show_x_guides": False,
        "truncate_label": -1,
        "margin": 2,
        "margin_right": 12,
        "spacing": 6,
    }


def render_svg(root: Any, label: str, width: int) -> Markup:
    """The drawing alone, to stand within a page."""
    for parent in list(root.iter()):
        for child in list(parent):
            if _is_superfluous(child):
                parent.remove(child)
        if parent.get("class") == "title" and parent.get("transform"):
            # The title of the vertical axis: further away from its numbers.
            parent.set("y", str(float(parent.get("y")) - 7))
    root.attrib.pop("id", None)
    root.set("role", "img")
    root.set("aria-label", label)
    root.set("class", f"chart {'wide' if width == WIDE else 'narrow'}")
    # The text is made by pygal of numbers and times alone, and escaped by the XML writer.
    return Markup(etree.tostring(root, encoding="unicode"))  # noqa: S704


def _is_superfluous(element: Any) -> bool:
    """Comments, scripts, and tool tips, which only a script would show."""
    # The tag of a comment is not a text.
    return (
        not isinstance(element.tag, str)
        or element.tag.rpartition("}")[2] in _SUPERFLUOUS
        or element.get("class", "").endswith("overlay")
    )
