-- Who makes a call: the nearest agent, the outermost workflow, the agents around it, the conversation. Calls of one kind
-- have the first three in common. Calls and sums from before have none of them.
ALTER TABLE kinds ADD COLUMN agent TEXT;
ALTER TABLE kinds ADD COLUMN workflow TEXT;
ALTER TABLE kinds ADD COLUMN agent_path TEXT;
DROP INDEX kinds_texts;
CREATE UNIQUE INDEX kinds_texts ON kinds (json_array(
    run, scope, host, span_name, service, environment, operation, provider, request_model, response_model,
    service_tier, region, department, application, finish_reasons, error_type, cut, cost_status, cost_reason,
    cost_detail, cost_source, cost_catalogue, cost_entry, currency, agent, workflow, agent_path, response_head,
    price_input, price_cache_read, price_cache_write, price_output
));
ALTER TABLE entries ADD COLUMN conversation ANY;
ALTER TABLE folded ADD COLUMN conversation ANY;
ALTER TABLE adjustments ADD COLUMN conversation ANY;
ALTER TABLE sessions ADD COLUMN conversation ANY;
ALTER TABLE daily ADD COLUMN agent TEXT;
ALTER TABLE daily ADD COLUMN workflow TEXT;
ALTER TABLE daily ADD COLUMN agent_path TEXT;
