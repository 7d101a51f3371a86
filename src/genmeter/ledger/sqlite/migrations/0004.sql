-- Who wrote the record of a call (NULL: genmeter), and at which server, where that is no known seller's own.
ALTER TABLE calls ADD COLUMN scope TEXT;
ALTER TABLE calls ADD COLUMN host TEXT;
-- One call may be recorded by two instrumentations; a trace with the records of one alone is not looked at again.
CREATE INDEX calls_foreign ON calls (trace_id) WHERE scope IS NOT NULL;
-- A response id is no longer unique by itself: server, model, time and tokens decide with it.
DROP INDEX calls_response;
CREATE INDEX calls_response ON calls (response_id, started_ns) WHERE response_id IS NOT NULL;
-- Which call bills for the one that was set aside, and why.
ALTER TABLE quarantine ADD COLUMN billed_by TEXT;
ALTER TABLE quarantine ADD COLUMN why TEXT;
-- What has changed of calls that were booked before: -1 with the old row, +1 with the new one. Running sums read it.
CREATE TABLE corrections (
    id INTEGER PRIMARY KEY, call_id INTEGER NOT NULL, sign INTEGER NOT NULL, record TEXT NOT NULL
) STRICT;
