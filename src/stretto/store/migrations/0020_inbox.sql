-- The inbox of one flow, or of one kind of content, in the same order: without these, a page of what is rare looks at all that waits.
CREATE INDEX reviews_inbox_of_flow ON reviews (tenant_id, flow, rank, trust, id) WHERE state = 'open';
CREATE INDEX reviews_inbox_of_type ON reviews (tenant_id, content_type, rank, trust, id) WHERE state = 'open';
