"""The box's log on flash: a block of records a second, in segments that rotate.

The supervisor is the only writer (`LogWriter`); any process reads with `read`, while the writer writes. What is where:
`record` (a record and a query), `block` (bytes of a block), `segments` (files), `writer`, `reader`.
"""

from __future__ import annotations

from appliance.storage.logs.reader import Survey, read, survey
from appliance.storage.logs.record import Query, Record
from appliance.storage.logs.writer import LogWriter

__all__ = ["LogWriter", "Query", "Record", "Survey", "read", "survey"]
