-- Columns of new billable units, written by `make units` and frozen since.
ALTER TABLE calls ADD COLUMN usage_preview_searches INTEGER;
ALTER TABLE daily ADD COLUMN usage_preview_searches INTEGER NOT NULL DEFAULT 0;
