-- Money that tools spend, by the idempotency keys of their calls.

CREATE TABLE spendings (
    tenant_id   uuid NOT NULL,
    key         text NOT NULL,
    run_id      uuid NOT NULL,
    step        text NOT NULL,
    tool        text NOT NULL,
    amount_usd  numeric NOT NULL CHECK (amount_usd >= 0),
    month       date NOT NULL,              -- the calendar month (UTC) that it counts in
    state       text NOT NULL CHECK (state IN ('held', 'spent', 'released')),   -- held: the call's outcome is not known
    at          timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key)
);
CREATE INDEX spendings_by_month ON spendings (tenant_id, month) INCLUDE (amount_usd, state);

ALTER TABLE spendings ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON spendings
    USING (tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON spendings TO stretto_app;
