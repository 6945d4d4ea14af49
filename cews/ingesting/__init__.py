"""Use case: bring a file or the answers of a source into the store.

Order of one answer or file: its bytes are archived and noted (T1), then the release is recorded with its
coverage, closed rows and rejects in one transaction (T2). A crash between the two leaves bytes without a
release; reading again heals it. Reading the same content again changes nothing; a file that is the last thing
its source said is not even parsed.

A release that fails a check (``cews.checks``) is held back whole: noted with what failed, none of its rows in
force, until somebody decides (``accept``, ``reject``).

Every execution is a row in ``run``, finished or failed. Answers of a source commit one by one: when a later
one fails, the earlier ones stay. A run that did not end is gone on with by the next one that asks for the same:
requests answered since it began are not asked again.
"""

from cews.ingesting.codes import CodeFacts, about
from cews.ingesting.from_files import ingest_file, ingest_files, load_breaks, load_names, load_targets
from cews.ingesting.from_sources import ingest_source
from cews.ingesting.recording import accept, ingest_batch, reject
from cews.ingesting.report import IngestReport

__all__ = [
    "CodeFacts",
    "IngestReport",
    "about",
    "accept",
    "ingest_batch",
    "ingest_file",
    "ingest_files",
    "ingest_source",
    "load_breaks",
    "load_names",
    "load_targets",
    "reject",
]
