-- The first schema of the ledger, frozen: files on disk hold it. A change is a script of its own, with the next number.
CREATE TABLE calls (
    id INTEGER PRIMARY KEY, trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_span_id TEXT, span_name TEXT,
    signals INTEGER NOT NULL, run TEXT NOT NULL, started_ns INTEGER NOT NULL, duration_ns INTEGER,
    first_chunk_ns INTEGER, service TEXT, environment TEXT, operation TEXT NOT NULL, provider TEXT NOT NULL,
    request_model TEXT, response_model TEXT, response_id TEXT, service_tier TEXT, region TEXT, user_hash TEXT,
    department TEXT, application TEXT, session TEXT, finish_reasons TEXT, error_type TEXT, cut TEXT,
    cost_status TEXT, cost_reason TEXT, cost_source TEXT, cost_catalogue TEXT, cost_entry TEXT, currency TEXT,
    cost_pico INTEGER, usage_input INTEGER, usage_output INTEGER, usage_cache_read INTEGER,
    usage_cache_write INTEGER, usage_cache_write_1h INTEGER, usage_reasoning INTEGER, usage_text_input INTEGER,
    usage_text_output INTEGER, usage_audio_input INTEGER, usage_audio_output INTEGER,
    usage_audio_cache_read INTEGER, usage_image_input INTEGER, usage_image_output INTEGER,
    usage_image_cache_read INTEGER, usage_searches INTEGER, line_input INTEGER, line_cache_read INTEGER,
    line_cache_write INTEGER, line_output INTEGER, line_audio_input INTEGER, line_audio_cache_read INTEGER,
    line_audio_output INTEGER, line_image_input INTEGER, line_image_cache_read INTEGER, line_image_output INTEGER,
    line_search INTEGER, line_request INTEGER
) STRICT;
CREATE TABLE daily (
    key TEXT PRIMARY KEY, day INTEGER NOT NULL, run TEXT, operation TEXT, provider TEXT, model TEXT,
    department TEXT, application TEXT, user_hash TEXT, environment TEXT, currency TEXT, cost_status TEXT,
    cost_reason TEXT, error_type TEXT, calls INTEGER NOT NULL, errors INTEGER NOT NULL, unpriced INTEGER NOT NULL,
    cut INTEGER NOT NULL, usage_input INTEGER NOT NULL, usage_output INTEGER NOT NULL,
    usage_cache_read INTEGER NOT NULL, usage_cache_write INTEGER NOT NULL, usage_cache_write_1h INTEGER NOT NULL,
    usage_reasoning INTEGER NOT NULL, usage_text_input INTEGER NOT NULL, usage_text_output INTEGER NOT NULL,
    usage_audio_input INTEGER NOT NULL, usage_audio_output INTEGER NOT NULL,
    usage_audio_cache_read INTEGER NOT NULL, usage_image_input INTEGER NOT NULL,
    usage_image_output INTEGER NOT NULL, usage_image_cache_read INTEGER NOT NULL, usage_searches INTEGER NOT NULL,
    cost_units INTEGER NOT NULL, cost_rest INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE spans (
    id INTEGER PRIMARY KEY, trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_span_id TEXT, name TEXT NOT NULL,
    kind INTEGER NOT NULL, started_ns INTEGER NOT NULL, ended_ns INTEGER NOT NULL, failed INTEGER NOT NULL,
    message TEXT NOT NULL, service TEXT, scope TEXT NOT NULL, attributes TEXT NOT NULL
) STRICT;
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY, trace_id TEXT NOT NULL, span_id TEXT NOT NULL, reason TEXT NOT NULL,
    digest TEXT NOT NULL, run TEXT NOT NULL, received_ns INTEGER NOT NULL, record TEXT NOT NULL,
    UNIQUE (trace_id, span_id, reason, digest)
) STRICT;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX calls_key ON calls (trace_id, span_id);
CREATE UNIQUE INDEX calls_response ON calls (provider, response_id) WHERE response_id IS NOT NULL;
CREATE INDEX calls_started ON calls (started_ns);
CREATE INDEX calls_run ON calls (run) WHERE run <> '';
CREATE UNIQUE INDEX spans_key ON spans (trace_id, span_id);
