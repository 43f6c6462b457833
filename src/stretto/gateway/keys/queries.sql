-- Providers' keys, sealed: platform-wide, so no query has a tenant.

-- save_key --
-- Keep a sealed key, or put it in the place of the one of this name.
INSERT INTO provider_keys (name, sealed, master_id, updated_at)
VALUES (%(name)s, %(sealed)s, %(master_id)s, %(now)s)
ON CONFLICT (name) DO UPDATE
SET sealed = excluded.sealed, master_id = excluded.master_id, updated_at = excluded.updated_at

-- list_keys --
-- The names, and when each was set.
SELECT name, updated_at FROM provider_keys WHERE NOT starts_with(name, '*') ORDER BY name

-- sealed_keys --
-- All keys of providers as they are sealed.
SELECT name, sealed, master_id FROM provider_keys WHERE NOT starts_with(name, '*') ORDER BY name

-- sealed_keys_held --
-- All keys as they are sealed, so that nobody changes one while the master key is replaced.
SELECT name, sealed, master_id FROM provider_keys ORDER BY name FOR UPDATE

-- reseal_keys --
-- Put other seals on keys: names and seals in the same order.
UPDATE provider_keys AS k
SET sealed = n.sealed, master_id = %(master_id)s
FROM unnest(%(names)s::text[], %(seals)s::bytea[]) AS n (name, sealed)
WHERE k.name = n.name

-- delete_key --
-- Remove a key; gives its name if it was there.
DELETE FROM provider_keys WHERE name = %(name)s AND NOT starts_with(name, '*') RETURNING name

-- keep_own_key --
-- Keep a sealed key of Stretto's own, unless there is one of this name.
INSERT INTO provider_keys (name, sealed, master_id, updated_at)
VALUES (%(name)s, %(sealed)s, %(master_id)s, %(now)s) ON CONFLICT (name) DO NOTHING

-- own_key --
-- A key of Stretto's own, as it is sealed.
SELECT sealed FROM provider_keys WHERE name = %(name)s
