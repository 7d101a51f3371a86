-- A call in quarantine was a list in the order of the columns of that day; now each value stands under its name.
UPDATE quarantine SET record = (
    SELECT json_group_object(columns.value, held.value) FROM json_each(quarantine.record) AS held
    JOIN json_each('[
        "trace_id", "span_id", "parent_span_id", "span_name", "signals", "run", "started_ns", "duration_ns",
        "first_chunk_ns", "service", "environment", "operation", "provider", "request_model", "response_model",
        "response_id", "service_tier", "region", "user_hash", "department", "application", "session",
        "finish_reasons", "error_type", "cut", "cost_status", "cost_reason", "cost_source", "cost_catalogue",
        "cost_entry", "currency", "cost_pico", "usage_input", "usage_output", "usage_cache_read",
        "usage_cache_write", "usage_cache_write_1h", "usage_reasoning", "usage_text_input", "usage_text_output",
        "usage_audio_input", "usage_audio_output", "usage_audio_cache_read", "usage_image_input",
        "usage_image_output", "usage_image_cache_read", "usage_searches", "line_input", "line_cache_read",
        "line_cache_write", "line_output", "line_audio_input", "line_audio_cache_read", "line_audio_output",
        "line_image_input", "line_image_cache_read", "line_image_output", "line_search", "line_request"
    ]') AS columns ON columns.key = held.key WHERE held.value IS NOT NULL
);
-- What the price book said of a call that it could not price.
ALTER TABLE calls ADD COLUMN cost_detail TEXT;
