-- A token may cost less than the ninth decimal of a dollar; what a run cost is the exact sum of its calls.
ALTER TABLE runs ALTER COLUMN cost_usd TYPE numeric;
