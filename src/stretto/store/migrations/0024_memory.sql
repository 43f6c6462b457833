-- Memory: collections of texts, found again by meaning, by words and by place.
-- What is looked up under row-level security uses only operators that are leakproof (= on text, integers and uuids, ranges of
-- bigint): PostgreSQL would not use an index for `@@` or `@>` there. So full text has postings of its own, and so have labels.

CREATE TABLE memory_collections (
    tenant_id   uuid NOT NULL,
    name        text COLLATE "C" NOT NULL,
    id          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    language    text NOT NULL,          -- a text search configuration, such as english
    model       text NOT NULL,          -- what makes the vectors that are searched; '' when there are none
    dimensions  integer NOT NULL,
    next_model  text,                   -- what they are being made with anew
    next_dimensions integer,
    items       bigint NOT NULL DEFAULT 0,
    words       bigint NOT NULL DEFAULT 0,   -- of all items together, as they are indexed
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name)
) WITH (fillfactor = 50);

CREATE TABLE memory_items (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id      uuid NOT NULL,
    collection_id  bigint NOT NULL,
    key            text COLLATE "C" NOT NULL,
    text           text NOT NULL,
    metadata       jsonb NOT NULL,
    hash           bytea NOT NULL,      -- SHA-256 of the text
    words          integer NOT NULL,    -- its length, as it is indexed
    latitude       double precision,
    longitude      double precision,
    cell           bigint,              -- H3, resolution 9
    at             timestamptz NOT NULL,
    UNIQUE (tenant_id, collection_id, key)
);
CREATE INDEX memory_items_by_cell ON memory_items (tenant_id, collection_id, cell) WHERE cell IS NOT NULL;

-- One row for each word and each label of an item. The order by impact lets a search read the best of a frequent word only.
CREATE TABLE memory_postings (
    tenant_id      uuid NOT NULL,
    collection_id  bigint NOT NULL,
    item_id        bigint NOT NULL,
    impact         real NOT NULL,       -- BM25's part of the word's frequency and the text's length; 0 for a label
    term           text COLLATE "C" NOT NULL     -- a lexeme; or a label, chr(1) || key || '=' || value
);
CREATE INDEX memory_postings_by_term ON memory_postings (tenant_id, collection_id, term, impact DESC) INCLUDE (item_id);
CREATE INDEX memory_postings_by_item ON memory_postings (item_id);

CREATE TABLE memory_terms (
    tenant_id      uuid NOT NULL,
    collection_id  bigint NOT NULL,
    term           text COLLATE "C" NOT NULL,
    items          bigint NOT NULL,     -- that hold it
    PRIMARY KEY (tenant_id, collection_id, term)
) WITH (fillfactor = 70);

-- Vectors are kept by model, so that a collection is searched with the old ones while the new ones are made.
CREATE TABLE memory_vectors (
    tenant_id      uuid NOT NULL,
    collection_id  bigint NOT NULL,
    model          text COLLATE "C" NOT NULL,
    item_id        bigint NOT NULL,
    dimensions     integer NOT NULL,
    hash           bytea NOT NULL,      -- of the text that it was made of
    PRIMARY KEY (tenant_id, collection_id, model, item_id)
);
CREATE INDEX memory_vectors_by_item ON memory_vectors (item_id);
CREATE INDEX memory_vectors_by_text ON memory_vectors (tenant_id, model, hash);
-- pgvector before 0.7 has no half vectors: nothing is searched by meaning there.
DO $$
DECLARE
    size integer;
BEGIN
    IF to_regtype('halfvec') IS NULL THEN
        ALTER TABLE memory_vectors ADD COLUMN embedding real[] NOT NULL;
        RETURN;
    END IF;
    ALTER TABLE memory_vectors ADD COLUMN embedding halfvec NOT NULL;    -- of length 1
    FOREACH size IN ARRAY ARRAY[384, 768, 1024, 1536] LOOP
        EXECUTE format('CREATE INDEX memory_vectors_%s ON memory_vectors USING hnsw ((embedding::halfvec(%s)) halfvec_cosine_ops)'
                       ' WHERE dimensions = %s', size, size, size);
    END LOOP;
END
$$;

DO $$
DECLARE
    name text;
    own constant text := 'tenant_id = nullif(current_setting(''stretto.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['memory_collections', 'memory_items', 'memory_postings', 'memory_terms', 'memory_vectors'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (%s) WITH CHECK (%s)', name, own, own);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO stretto_app', name);
    END LOOP;
END $$;
