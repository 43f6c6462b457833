-- A customer's reviews of a day are counted for each new review of theirs.
CREATE INDEX reviews_by_customer ON reviews (tenant_id, customer_id, created_at) WHERE customer_id IS NOT NULL;
