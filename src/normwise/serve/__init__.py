"""The local web application that shows a slide, on the loopback address alone.

- ``app``      the application and its port
- ``access``   the token, and how long a connection may wait
- ``pyramid``  the slide as square tiles at every power of two
- ``heat``     measurements of tiles as a picture over the slide
- ``page``     the page; ``vendor`` holds OpenSeadragon with its licence

Nothing is written, nothing leaves the machine, and no label or macro picture of a slide is ever read.
"""

from __future__ import annotations

from normwise.serve.access import FIELD, make_token
from normwise.serve.app import HOST, make_slide_app, open_port, serve_slide
from normwise.serve.heat import HeatMap, draw_heat, heat_maps

__all__ = [
    "FIELD",
    "HOST",
    "HeatMap",
    "draw_heat",
    "heat_maps",
    "make_slide_app",
    "make_token",
    "open_port",
    "serve_slide",
]
