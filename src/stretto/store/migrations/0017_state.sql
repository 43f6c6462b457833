-- Shared state: versioned JSON documents. A document's row says which version is the latest; all values are versions, which the
-- application adds and never changes.

CREATE TABLE state_documents (
    tenant_id   uuid NOT NULL,
    key         text COLLATE "C" NOT NULL,
    version     integer NOT NULL,       -- 1, 2, 3 …; goes on when a removed document is written again
    deleted     boolean NOT NULL,
    bytes       integer NOT NULL,       -- of its value, as JSON
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key)
) WITH (fillfactor = 70);

CREATE TABLE state_versions (
    tenant_id    uuid NOT NULL,
    key          text COLLATE "C" NOT NULL,
    version      integer NOT NULL,
    value        json,                  -- as it was written; null when this version removed the document
    deleted      boolean NOT NULL,
    written_by   text NOT NULL,
    at           timestamptz NOT NULL,
    run_id       uuid,
    step         text,
    merged_from  integer,               -- the version that the writer had seen, where others had written since
    PRIMARY KEY (tenant_id, key, version)
);

DO $$
DECLARE
    name text;
    own constant text := 'tenant_id = nullif(current_setting(''stretto.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['state_documents', 'state_versions'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (%s) WITH CHECK (%s)', name, own, own);
    END LOOP;
END $$;

-- Lock documents until the transaction ends, those too that are not there yet, and return those that are. Always in the same
-- order, so that two who write the same documents never wait for each other in a circle. `seen`: the versions that the writer
-- knows; `ancestor` is the value of that version, where it is not the latest and is still kept.
CREATE FUNCTION lock_state(tenant uuid, wanted text[], seen integer[])
RETURNS TABLE (key text, version integer, value text, deleted boolean, written_by text, at timestamptz, run_id uuid, step text,
               merged_from integer, ancestor text)
LANGUAGE plpgsql SET search_path = stretto, pg_temp AS $$
#variable_conflict use_column
DECLARE place bigint;
BEGIN
    FOR place IN
        SELECT DISTINCT hashtextextended('stretto state ' || tenant || ' ' || w.key, 0) FROM unnest(wanted) AS w(key) ORDER BY 1
    LOOP
        PERFORM pg_advisory_xact_lock(place);
    END LOOP;
    -- A statement of its own, so that it sees what was committed while this one waited.
    RETURN QUERY
    SELECT d.key::text, v.version, v.value::text, v.deleted, v.written_by, v.at, v.run_id, v.step, v.merged_from,
           CASE WHEN NOT a.deleted THEN a.value::text END
    FROM unnest(wanted, seen) AS w(key, seen)
    JOIN state_documents d ON d.tenant_id = tenant AND d.key = w.key
    JOIN state_versions v ON v.tenant_id = tenant AND v.key = d.key AND v.version = d.version
    LEFT JOIN state_versions a ON a.tenant_id = tenant AND a.key = d.key AND a.version = w.seen AND a.version < d.version;
END $$;

-- Forget the versions of a document up to one that is not its latest. The only way in which the application forgets any.
CREATE FUNCTION trim_state(document text, up_to integer) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    DELETE FROM state_versions v USING state_documents d
    WHERE d.tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid AND d.key = document
      AND v.tenant_id = d.tenant_id AND v.key = d.key AND v.version <= up_to AND v.version < d.version
$$;

GRANT SELECT, INSERT, UPDATE ON state_documents TO stretto_app;
GRANT SELECT, INSERT ON state_versions TO stretto_app;
REVOKE EXECUTE ON FUNCTION lock_state(uuid, text[], integer[]), trim_state(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lock_state(uuid, text[], integer[]), trim_state(text, integer) TO stretto_app;
