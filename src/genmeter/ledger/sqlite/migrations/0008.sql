-- A booked call does not change any more once its period is sealed: what comes later is a signed row that counts in an
-- open period. Its counts and lines beyond the common ones lie in `extras` under its number below zero.
CREATE TABLE adjustments (
    id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, started_ns INTEGER NOT NULL, cost_pico INTEGER, usage_input
    INTEGER, usage_output INTEGER, usage_cache_read INTEGER, usage_cache_write INTEGER, usage_reasoning
    INTEGER, user INTEGER, signals INTEGER NOT NULL, theirs INTEGER, duration_ns INTEGER, first_chunk_ns
    INTEGER, trace_id ANY NOT NULL, span_id ANY NOT NULL, parent_span_id ANY, session ANY, response_id ANY,
    response_mark INTEGER,
    sign INTEGER NOT NULL, calls INTEGER NOT NULL, counted_ns INTEGER NOT NULL, made_ns INTEGER NOT NULL,
    reason TEXT NOT NULL, why TEXT NOT NULL, batch TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX adjustments_key ON adjustments (trace_id, span_id, batch, reason, sign);
CREATE INDEX adjustments_counted ON adjustments (counted_ns);
-- 1: the call came after its period was sealed, and is counted by its adjustment alone.
ALTER TABLE entries ADD COLUMN late INTEGER;
ALTER TABLE folded ADD COLUMN late INTEGER;
CREATE INDEX entries_late ON entries (id) WHERE late IS NOT NULL;
CREATE TABLE seals (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, since_ns INTEGER NOT NULL, until_ns INTEGER NOT NULL UNIQUE,
    calls INTEGER NOT NULL, cost TEXT NOT NULL, digest TEXT NOT NULL, hash TEXT NOT NULL, sealed_ns INTEGER NOT NULL
) STRICT;
-- Sums of the calls that are kept, by day and kind; computed anew for each dirty day. `rare` has the counts that few
-- calls have, as JSON.
CREATE TABLE days (
    day INTEGER NOT NULL, kind INTEGER NOT NULL, calls INTEGER NOT NULL,
    usage_input INTEGER NOT NULL, usage_output INTEGER NOT NULL, usage_cache_read INTEGER NOT NULL,
    usage_cache_write INTEGER NOT NULL, usage_reasoning INTEGER NOT NULL, rare TEXT,
    cost_units INTEGER NOT NULL, cost_rest INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX days_day ON days (day);
-- Sums by session of the calls that were trimmed, written before a call goes.
CREATE TABLE sessions (
    day INTEGER NOT NULL, kind INTEGER NOT NULL, user INTEGER, session ANY,
    calls INTEGER NOT NULL, usage_input INTEGER NOT NULL, usage_output INTEGER NOT NULL,
    usage_cache_read INTEGER NOT NULL, usage_cache_write INTEGER NOT NULL, usage_reasoning INTEGER NOT NULL, rare TEXT,
    cost_units INTEGER NOT NULL, cost_rest INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_day ON sessions (day);
CREATE TABLE dirty (day INTEGER PRIMARY KEY) STRICT;
-- The first day that a tier holds in whole. Days that were trimmed by an older genmeter have no sums by session.
CREATE TABLE tiers (name TEXT PRIMARY KEY, from_day INTEGER NOT NULL) STRICT;
INSERT INTO tiers SELECT 'sessions', coalesce(max(day) + 1, 0) FROM daily;
INSERT INTO tiers VALUES ('days', 0);
INSERT INTO dirty SELECT DISTINCT started_ns / 86400000000000 FROM entries;
