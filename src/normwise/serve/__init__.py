"""The viewer's room: pages on the loopback address, for eyes that need to go close.

The files in the order in which a slide comes to the screen::

    pyramid   the slide as square tiles at every power of two
    heat      one colour a tile: density, size, attention
    app       the web application, answering this machine alone
    page/     the page itself; vendor/ holds OpenSeadragon with its licence

Nothing is written, nothing leaves the machine, and no label or macro picture of a slide is ever read.
"""

from __future__ import annotations

from normwise.serve.app import HOST, make_slide_app, open_port, serve_slide
from normwise.serve.heat import HeatMap, draw_heat, heat_maps

__all__ = ["HOST", "HeatMap", "draw_heat", "heat_maps", "make_slide_app", "open_port", "serve_slide"]
