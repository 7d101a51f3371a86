-- The names of a span's attributes take most of its bytes, and spans of one program have the same ones: such a list of
-- names is written once, and the span has the values. Spans from before have names and values together, and no shape.
CREATE TABLE shapes (id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE) STRICT;
ALTER TABLE spans ADD COLUMN shape INTEGER;
