-- added --
-- The applications that this database has.
SELECT name FROM stretto.apps ORDER BY name

-- add --
-- Let an application belong to this database; a row when it is new.
INSERT INTO stretto.apps (name, added_at) VALUES (%(name)s, clock_timestamp()) ON CONFLICT DO NOTHING RETURNING name

-- remove --
-- Let an application go; a row when it was there.
DELETE FROM stretto.apps WHERE name = %(name)s RETURNING name

-- forget_migrations --
-- Its tables are gone.
DELETE FROM stretto.app_migrations WHERE app = %(name)s

-- lock --
-- Of the processes that start together, let one make an application's tables. Held until `unlock`, or the connection ends.
SELECT pg_advisory_lock(7314520018402)

-- unlock --
-- Let the next one.
SELECT pg_advisory_unlock(7314520018402)
