"""How the pages of this project look: one style, one way to draw.

The report of a load and the page of the sandbox share `templates/house.css`, `svg` (charts as SVG, which
`drawing` makes with pygal), `scales` (their axes) and `numbers`. A page adds its own rules below the house's.
"""
