-- What coding agents cost is asked by the instrumentation that recorded their calls, also of calls that were trimmed. The sums
-- of days from before have none.
ALTER TABLE daily ADD COLUMN scope TEXT;
