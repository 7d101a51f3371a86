-- Calls repeat nearly all of their texts: what calls of one kind have in common is written once, and so is each user.
-- Ids are bytes. Counts and lines that few calls have lie in a table of their own. The view `calls`, which the code
-- makes after the scripts, puts a call together again. `packed` and `response_...` are functions of sqlite/packing.py.
CREATE TABLE kinds (
    id INTEGER PRIMARY KEY, first_call INTEGER NOT NULL, run TEXT NOT NULL, scope TEXT, host TEXT, span_name
    TEXT, service TEXT, environment TEXT, operation TEXT NOT NULL, provider TEXT NOT NULL, request_model TEXT,
    response_model TEXT, service_tier TEXT, region TEXT, department TEXT, application TEXT, finish_reasons
    TEXT, error_type TEXT, cut TEXT, cost_status TEXT, cost_reason TEXT, cost_detail TEXT, cost_source TEXT,
    cost_catalogue TEXT, cost_entry TEXT, currency TEXT, response_head TEXT, price_input INTEGER,
    price_cache_read INTEGER, price_cache_write INTEGER, price_output INTEGER
) STRICT;
CREATE UNIQUE INDEX kinds_texts ON kinds (json_array(
    run, scope, host, span_name, service, environment, operation, provider, request_model, response_model,
    service_tier, region, department, application, finish_reasons, error_type, cut, cost_status, cost_reason,
    cost_detail, cost_source, cost_catalogue, cost_entry, currency, response_head, price_input,
    price_cache_read, price_cache_write, price_output
));
CREATE TABLE users (id INTEGER PRIMARY KEY, user_hash TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, started_ns INTEGER NOT NULL, cost_pico INTEGER, usage_input
    INTEGER, usage_output INTEGER, usage_cache_read INTEGER, usage_cache_write INTEGER, usage_reasoning
    INTEGER, user INTEGER, signals INTEGER NOT NULL, theirs INTEGER, duration_ns INTEGER, first_chunk_ns
    INTEGER, trace_id ANY NOT NULL, span_id ANY NOT NULL, parent_span_id ANY, session ANY, response_id ANY,
    response_mark INTEGER
) STRICT;
-- The last calls that were trimmed: a second record of one of them may still come.
CREATE TABLE folded (
    id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, started_ns INTEGER NOT NULL, cost_pico INTEGER, usage_input
    INTEGER, usage_output INTEGER, usage_cache_read INTEGER, usage_cache_write INTEGER, usage_reasoning
    INTEGER, user INTEGER, signals INTEGER NOT NULL, theirs INTEGER, duration_ns INTEGER, first_chunk_ns
    INTEGER, trace_id ANY NOT NULL, span_id ANY NOT NULL, parent_span_id ANY, session ANY, response_id ANY,
    response_mark INTEGER
) STRICT;
CREATE TABLE extras (
    id INTEGER PRIMARY KEY, usage_cache_write_1h INTEGER, usage_text_input INTEGER, usage_text_output INTEGER,
    usage_audio_input INTEGER, usage_audio_output INTEGER, usage_audio_cache_read INTEGER, usage_image_input
    INTEGER, usage_image_output INTEGER, usage_image_cache_read INTEGER, usage_searches INTEGER,
    usage_cache_write_12h INTEGER, usage_video_input INTEGER, usage_video_cache_read INTEGER,
    usage_document_input INTEGER, usage_document_cache_read INTEGER, usage_characters INTEGER,
    usage_audio_seconds INTEGER, usage_pages INTEGER, usage_annotated_pages INTEGER, usage_images INTEGER,
    usage_search_units INTEGER, usage_preview_searches INTEGER, line_input INTEGER, line_cache_read INTEGER,
    line_cache_write INTEGER, line_output INTEGER, line_audio_input INTEGER, line_audio_cache_read INTEGER,
    line_audio_output INTEGER, line_image_input INTEGER, line_image_cache_read INTEGER, line_image_output
    INTEGER, line_search INTEGER, line_video_input INTEGER, line_video_cache_read INTEGER, line_document_input
    INTEGER, line_document_cache_read INTEGER, line_characters INTEGER, line_audio_seconds INTEGER, line_pages
    INTEGER, line_images INTEGER, line_search_units INTEGER, line_request INTEGER
) STRICT;
CREATE VIEW older AS SELECT
    id, run, scope, host, span_name, service, environment, operation, provider, request_model, response_model,
    service_tier, region, department, application, finish_reasons, error_type, cut, cost_status, cost_reason,
    cost_detail, cost_source, cost_catalogue, cost_entry, currency, response_head(response_id) AS
    response_head,
    CASE WHEN line_input = 0 AND usage_input IS NOT NULL THEN 0
        WHEN usage_input - coalesce(usage_cache_read, 0) - coalesce(usage_cache_write, 0) > 0 AND line_input % (usage_input - coalesce(usage_cache_read, 0) - coalesce(usage_cache_write, 0)) = 0
        THEN line_input / (usage_input - coalesce(usage_cache_read, 0) - coalesce(usage_cache_write, 0)) END AS price_input,
    CASE WHEN line_cache_read = 0 AND usage_cache_read IS NOT NULL THEN 0
        WHEN usage_cache_read > 0 AND line_cache_read % usage_cache_read = 0
        THEN line_cache_read / usage_cache_read END AS price_cache_read,
    CASE WHEN line_cache_write = 0 AND usage_cache_write IS NOT NULL THEN 0
        WHEN usage_cache_write > 0 AND line_cache_write % usage_cache_write = 0
        THEN line_cache_write / usage_cache_write END AS price_cache_write,
    CASE WHEN line_output = 0 AND usage_output IS NOT NULL THEN 0
        WHEN usage_output > 0 AND line_output % usage_output = 0
        THEN line_output / usage_output END AS price_output
FROM calls;
INSERT INTO kinds (
    first_call, run, scope, host, span_name, service, environment, operation, provider, request_model,
    response_model, service_tier, region, department, application, finish_reasons, error_type, cut,
    cost_status, cost_reason, cost_detail, cost_source, cost_catalogue, cost_entry, currency, response_head,
    price_input, price_cache_read, price_cache_write, price_output
) SELECT
    min(id), run, scope, host, span_name, service, environment, operation, provider, request_model,
    response_model, service_tier, region, department, application, finish_reasons, error_type, cut,
    cost_status, cost_reason, cost_detail, cost_source, cost_catalogue, cost_entry, currency, response_head,
    price_input, price_cache_read, price_cache_write, price_output
FROM older GROUP BY json_array(
    run, scope, host, span_name, service, environment, operation, provider, request_model, response_model,
    service_tier, region, department, application, finish_reasons, error_type, cut, cost_status, cost_reason,
    cost_detail, cost_source, cost_catalogue, cost_entry, currency, response_head, price_input,
    price_cache_read, price_cache_write, price_output
);
INSERT INTO users (user_hash) SELECT DISTINCT user_hash FROM calls WHERE user_hash IS NOT NULL;
INSERT INTO entries (
    id, kind, started_ns, cost_pico, usage_input, usage_output, usage_cache_read, usage_cache_write,
    usage_reasoning, user, signals, theirs, duration_ns, first_chunk_ns, trace_id, span_id, parent_span_id,
    session, response_id, response_mark
) SELECT
    c.id, (SELECT k.id FROM kinds k WHERE json_array(
        k.run, k.scope, k.host, k.span_name, k.service, k.environment, k.operation, k.provider,
        k.request_model, k.response_model, k.service_tier, k.region, k.department, k.application,
        k.finish_reasons, k.error_type, k.cut, k.cost_status, k.cost_reason, k.cost_detail, k.cost_source,
        k.cost_catalogue, k.cost_entry, k.currency, k.response_head, k.price_input, k.price_cache_read,
        k.price_cache_write, k.price_output
    ) = json_array(
        o.run, o.scope, o.host, o.span_name, o.service, o.environment, o.operation, o.provider,
        o.request_model, o.response_model, o.service_tier, o.region, o.department, o.application,
        o.finish_reasons, o.error_type, o.cut, o.cost_status, o.cost_reason, o.cost_detail, o.cost_source,
        o.cost_catalogue, o.cost_entry, o.currency, o.response_head, o.price_input, o.price_cache_read,
        o.price_cache_write, o.price_output
    )),
    c.started_ns, c.cost_pico, c.usage_input, c.usage_output, c.usage_cache_read, c.usage_cache_write,
    c.usage_reasoning, (SELECT u.id FROM users u WHERE u.user_hash = c.user_hash), c.signals, CASE WHEN
    c.scope IS NOT NULL THEN 1 END, c.duration_ns, c.first_chunk_ns, packed(c.trace_id), packed(c.span_id),
    packed(c.parent_span_id), packed(c.session), response_rest(c.response_id), response_mark(c.response_id)
FROM calls c JOIN older o ON o.id = c.id ORDER BY c.id;
INSERT INTO extras (
    id, usage_cache_write_1h, usage_text_input, usage_text_output, usage_audio_input, usage_audio_output,
    usage_audio_cache_read, usage_image_input, usage_image_output, usage_image_cache_read, usage_searches,
    usage_cache_write_12h, usage_video_input, usage_video_cache_read, usage_document_input,
    usage_document_cache_read, usage_characters, usage_audio_seconds, usage_pages, usage_annotated_pages,
    usage_images, usage_search_units, usage_preview_searches, line_input, line_cache_read, line_cache_write,
    line_output, line_audio_input, line_audio_cache_read, line_audio_output, line_image_input,
    line_image_cache_read, line_image_output, line_search, line_video_input, line_video_cache_read,
    line_document_input, line_document_cache_read, line_characters, line_audio_seconds, line_pages,
    line_images, line_search_units, line_request
) SELECT
    c.id, c.usage_cache_write_1h, c.usage_text_input, c.usage_text_output, c.usage_audio_input,
    c.usage_audio_output, c.usage_audio_cache_read, c.usage_image_input, c.usage_image_output,
    c.usage_image_cache_read, c.usage_searches, c.usage_cache_write_12h, c.usage_video_input,
    c.usage_video_cache_read, c.usage_document_input, c.usage_document_cache_read, c.usage_characters,
    c.usage_audio_seconds, c.usage_pages, c.usage_annotated_pages, c.usage_images, c.usage_search_units,
    c.usage_preview_searches, CASE WHEN o.price_input IS NULL THEN c.line_input END, CASE WHEN
    o.price_cache_read IS NULL THEN c.line_cache_read END, CASE WHEN o.price_cache_write IS NULL THEN
    c.line_cache_write END, CASE WHEN o.price_output IS NULL THEN c.line_output END, c.line_audio_input,
    c.line_audio_cache_read, c.line_audio_output, c.line_image_input, c.line_image_cache_read,
    c.line_image_output, c.line_search, c.line_video_input, c.line_video_cache_read, c.line_document_input,
    c.line_document_cache_read, c.line_characters, c.line_audio_seconds, c.line_pages, c.line_images,
    c.line_search_units, c.line_request
FROM calls c JOIN older o ON o.id = c.id WHERE coalesce(
    c.usage_cache_write_1h, c.usage_text_input, c.usage_text_output, c.usage_audio_input,
    c.usage_audio_output, c.usage_audio_cache_read, c.usage_image_input, c.usage_image_output,
    c.usage_image_cache_read, c.usage_searches, c.usage_cache_write_12h, c.usage_video_input,
    c.usage_video_cache_read, c.usage_document_input, c.usage_document_cache_read, c.usage_characters,
    c.usage_audio_seconds, c.usage_pages, c.usage_annotated_pages, c.usage_images, c.usage_search_units,
    c.usage_preview_searches, CASE WHEN o.price_input IS NULL THEN c.line_input END, CASE WHEN
    o.price_cache_read IS NULL THEN c.line_cache_read END, CASE WHEN o.price_cache_write IS NULL THEN
    c.line_cache_write END, CASE WHEN o.price_output IS NULL THEN c.line_output END, c.line_audio_input,
    c.line_audio_cache_read, c.line_audio_output, c.line_image_input, c.line_image_cache_read,
    c.line_image_output, c.line_search, c.line_video_input, c.line_video_cache_read, c.line_document_input,
    c.line_document_cache_read, c.line_characters, c.line_audio_seconds, c.line_pages, c.line_images,
    c.line_search_units, c.line_request
) IS NOT NULL ORDER BY c.id;
DROP VIEW older;
DROP TABLE calls;
CREATE UNIQUE INDEX entries_key ON entries (trace_id, span_id);
-- Four bytes of a response id and its second, nearly: enough to find the few calls that are compared.
CREATE INDEX entries_response ON entries (response_mark, started_ns >> 30) WHERE response_mark IS NOT NULL;
CREATE INDEX entries_started ON entries (started_ns);
CREATE INDEX entries_foreign ON entries (trace_id) WHERE theirs IS NOT NULL;
CREATE INDEX folded_trace ON folded (trace_id);
CREATE INDEX folded_response ON folded (response_mark);
