"""Children on other machines: a Dask cluster, or the jobs of a queueing system that form one.

- ``connect``       `use_engine`: a cluster for as long as a block lasts
- ``executor``      sends calls to workers, and again to others where a worker is lost
- ``remote_call``   what a worker does for one call, and what it must be like
- ``call_server``   the process on a worker that forks and watches children, as it does on this machine

A worker never calls the function itself: it gives the call to its fork server, so that a crash, a limit or a
hanging child costs one call and neither the worker nor its neighbours.
"""

from __future__ import annotations
