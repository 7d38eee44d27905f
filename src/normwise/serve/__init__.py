"""The local web application that shows a run or a slide, on the loopback address alone.

- ``app``       the application and its port; ``answers`` its headers, pages and files
- ``access``    the token, and how long a connection may wait
- ``run_data``  a run's own files, its cohort and its model; ``run_app`` the list and a person's page
- ``decision``  the steps from a score to the decision
- ``heads``     one head with its regions, as NIfTI and as slices
- ``slides``    one slide; ``pyramid`` as square tiles at every power of two, ``heat`` measurements over it
- ``page``      pages, scripts and style; ``vendor`` holds OpenSeadragon and NiiVue with their licences

Of a run it writes ``ratings.tsv`` alone, nothing leaves the machine, and no label or macro picture of a slide
is ever read.
"""

from __future__ import annotations

from normwise.serve.access import FIELD, make_token
from normwise.serve.app import HOST, make_run_app, make_slide_app, open_port, serve_app
from normwise.serve.heat import HeatMap, draw_heat, heat_maps
from normwise.serve.run_data import RunData, open_run_data
from normwise.serve.slides import open_outlines

__all__ = [
    "FIELD",
    "HOST",
    "HeatMap",
    "RunData",
    "draw_heat",
    "heat_maps",
    "make_run_app",
    "make_slide_app",
    "make_token",
    "open_outlines",
    "open_port",
    "open_run_data",
    "serve_app",
]
