-- A long text has a vector for each of its pieces, and vectors are indexed by the signs of their numbers: a thirtieth of the size, so that
-- the index of 100,000 stays in a small server's buffers and takes new ones in twice as fast. The best are compared in full.

ALTER TABLE memory_vectors
    ADD COLUMN piece integer NOT NULL DEFAULT 0,
    ADD COLUMN begins integer,          -- where the piece stands in its text; null: the whole of it
    ADD COLUMN ends integer,
    ADD COLUMN text_hash bytea,         -- of the whole text; null: `hash` is
    DROP CONSTRAINT memory_vectors_pkey,
    ADD PRIMARY KEY (tenant_id, collection_id, model, item_id, piece);

DO $$
DECLARE
    size integer;
BEGIN
    IF to_regtype('halfvec') IS NULL THEN
        RETURN;
    END IF;
    FOREACH size IN ARRAY ARRAY[384, 768, 1024, 1536] LOOP
        EXECUTE format('DROP INDEX memory_vectors_%s', size);
        EXECUTE format('CREATE INDEX memory_vectors_%s ON memory_vectors USING hnsw'
                       ' ((binary_quantize(embedding::halfvec(%s))::bit(%s)) bit_hamming_ops) WHERE dimensions = %s', size, size, size, size);
    END LOOP;
END
$$;

-- Collections whose vectors shall be made anew, of all tenants: what a worker carries forward.
CREATE FUNCTION memory_to_reembed(most integer) RETURNS TABLE (tenant_id uuid, id bigint, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    SELECT c.tenant_id, c.id, c.name FROM memory_collections c WHERE c.next_model IS NOT NULL ORDER BY c.id LIMIT most
$$;
CREATE INDEX memory_collections_to_reembed ON memory_collections (id) WHERE next_model IS NOT NULL;
REVOKE ALL ON FUNCTION memory_to_reembed(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION memory_to_reembed(integer) TO stretto_app;
