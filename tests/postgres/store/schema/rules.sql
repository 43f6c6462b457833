-- Recorded by `python -m tests.postgres.store.record_schema`; compared by test_schema.py. Not edited by hand.

ALTER TABLE ONLY stretto.event_effects ATTACH PARTITION stretto.event_effects_else DEFAULT;
ALTER TABLE ONLY stretto.webhook_deliveries ATTACH PARTITION stretto.webhook_deliveries_else DEFAULT;
ALTER TABLE ONLY stretto.answers
    ADD CONSTRAINT answers_pkey PRIMARY KEY (tenant_id, route, key);
ALTER TABLE ONLY stretto.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY stretto.api_keys
    ADD CONSTRAINT api_keys_prefix_key UNIQUE (prefix);
ALTER TABLE ONLY stretto.app_migrations
    ADD CONSTRAINT app_migrations_pkey PRIMARY KEY (app, number);
ALTER TABLE ONLY stretto.apps
    ADD CONSTRAINT apps_pkey PRIMARY KEY (name);
ALTER TABLE ONLY stretto.archived_flows
    ADD CONSTRAINT archived_flows_pkey PRIMARY KEY (tenant_id, name);
ALTER TABLE ONLY stretto.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE ONLY stretto.budget_leases
    ADD CONSTRAINT budget_leases_pkey PRIMARY KEY (tenant_id, name, process);
ALTER TABLE ONLY stretto.budgets
    ADD CONSTRAINT budgets_pkey PRIMARY KEY (tenant_id, name);
ALTER TABLE ONLY stretto.calls
    ADD CONSTRAINT calls_pkey PRIMARY KEY (id);
ALTER TABLE ONLY stretto.claims
    ADD CONSTRAINT claims_pkey PRIMARY KEY (name, process);
ALTER TABLE ONLY stretto.event_effects
    ADD CONSTRAINT event_effects_pkey PRIMARY KEY (event_id, tenant_id, group_name);
ALTER TABLE ONLY stretto.event_effects_else
    ADD CONSTRAINT event_effects_else_pkey PRIMARY KEY (event_id, tenant_id, group_name);
ALTER TABLE ONLY stretto.event_head
    ADD CONSTRAINT event_head_pkey PRIMARY KEY (only_one);
ALTER TABLE ONLY stretto.event_letters
    ADD CONSTRAINT event_letters_pkey PRIMARY KEY (tenant_id, group_name, event_id);
ALTER TABLE ONLY stretto.event_members
    ADD CONSTRAINT event_members_pkey PRIMARY KEY (tenant_id, group_name, member);
ALTER TABLE ONLY stretto.event_slots
    ADD CONSTRAINT event_slots_pkey PRIMARY KEY (tenant_id, group_name, slot);
ALTER TABLE ONLY stretto.events
    ADD CONSTRAINT events_pkey PRIMARY KEY ("position", logged_at);
ALTER TABLE ONLY stretto.flows
    ADD CONSTRAINT flows_pkey PRIMARY KEY (tenant_id, name, version);
ALTER TABLE ONLY stretto.flows
    ADD CONSTRAINT flows_tenant_id_name_digest_key UNIQUE (tenant_id, name, digest);
ALTER TABLE ONLY stretto.graph_checkpoints
    ADD CONSTRAINT graph_checkpoints_pkey PRIMARY KEY (tenant_id, thread_id, ns, id);
ALTER TABLE ONLY stretto.graph_values
    ADD CONSTRAINT graph_values_pkey PRIMARY KEY (tenant_id, thread_id, ns, channel, version);
ALTER TABLE ONLY stretto.graph_writes
    ADD CONSTRAINT graph_writes_pkey PRIMARY KEY (tenant_id, thread_id, ns, checkpoint_id, task_id, idx);
ALTER TABLE ONLY stretto.hook_receipts
    ADD CONSTRAINT hook_receipts_pkey PRIMARY KEY (tenant_id, source, delivery_key);
ALTER TABLE ONLY stretto.hook_sources
    ADD CONSTRAINT hook_sources_pkey PRIMARY KEY (public_id);
ALTER TABLE ONLY stretto.hook_sources
    ADD CONSTRAINT hook_sources_tenant_id_name_key UNIQUE (tenant_id, name);
ALTER TABLE ONLY stretto.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (tenant_id, key);
ALTER TABLE ONLY stretto.journal
    ADD CONSTRAINT journal_pkey PRIMARY KEY (run_id, seq);
ALTER TABLE ONLY stretto.lessees
    ADD CONSTRAINT lessees_pkey PRIMARY KEY (process);
ALTER TABLE ONLY stretto.limits
    ADD CONSTRAINT limits_pkey PRIMARY KEY (name);
ALTER TABLE ONLY stretto.logins_used
    ADD CONSTRAINT logins_used_pkey PRIMARY KEY (digest);
ALTER TABLE ONLY stretto.members
    ADD CONSTRAINT members_pkey PRIMARY KEY (id);
ALTER TABLE ONLY stretto.members
    ADD CONSTRAINT members_tenant_id_issuer_subject_key UNIQUE (tenant_id, issuer, subject);
ALTER TABLE ONLY stretto.memory_collections
    ADD CONSTRAINT memory_collections_id_key UNIQUE (id);
ALTER TABLE ONLY stretto.memory_collections
    ADD CONSTRAINT memory_collections_pkey PRIMARY KEY (tenant_id, name);
ALTER TABLE ONLY stretto.memory_items
    ADD CONSTRAINT memory_items_pkey PRIMARY KEY (id);
ALTER TABLE ONLY stretto.memory_items
    ADD CONSTRAINT memory_items_tenant_id_collection_id_key_key UNIQUE (tenant_id, collection_id, key);
ALTER TABLE ONLY stretto.memory_terms
    ADD CONSTRAINT memory_terms_pkey PRIMARY KEY (tenant_id, collection_id, term);
ALTER TABLE ONLY stretto.memory_vectors
    ADD CONSTRAINT memory_vectors_pkey PRIMARY KEY (tenant_id, collection_id, model, item_id, piece);
ALTER TABLE ONLY stretto.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (number);
ALTER TABLE ONLY stretto.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (n);
ALTER TABLE ONLY stretto.price_versions
    ADD CONSTRAINT price_versions_pkey PRIMARY KEY (version);
ALTER TABLE ONLY stretto.provider_keys
    ADD CONSTRAINT provider_keys_pkey PRIMARY KEY (name);
ALTER TABLE ONLY stretto.queue_schema
    ADD CONSTRAINT queue_schema_pkey PRIMARY KEY (only_one);
ALTER TABLE ONLY stretto.quotas
    ADD CONSTRAINT quotas_pkey PRIMARY KEY (tenant_id, kind, name);
ALTER TABLE ONLY stretto.request_windows
    ADD CONSTRAINT request_windows_pkey PRIMARY KEY (tenant_id, name);
ALTER TABLE ONLY stretto.review_deadlines
    ADD CONSTRAINT review_deadlines_pkey PRIMARY KEY (review_id);
ALTER TABLE ONLY stretto.review_decisions
    ADD CONSTRAINT review_decisions_pkey PRIMARY KEY (review_id, n);
ALTER TABLE ONLY stretto.review_history
    ADD CONSTRAINT review_history_pkey PRIMARY KEY (review_id, n);
ALTER TABLE ONLY stretto.reviews
    ADD CONSTRAINT reviews_pkey PRIMARY KEY (id);
ALTER TABLE ONLY stretto.reviews
    ADD CONSTRAINT reviews_tenant_id_id_mandatory_four_eyes_key UNIQUE (tenant_id, id, mandatory, four_eyes);
ALTER TABLE ONLY stretto.reviews
    ADD CONSTRAINT reviews_tenant_id_id_mandatory_key UNIQUE (tenant_id, id, mandatory);
ALTER TABLE ONLY stretto.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY stretto.schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (tenant_id, name);
ALTER TABLE ONLY stretto.sessions
    ADD CONSTRAINT sessions_digest_key UNIQUE (digest);
ALTER TABLE ONLY stretto.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY stretto.signals
    ADD CONSTRAINT signals_pkey PRIMARY KEY (id);
ALTER TABLE ONLY stretto.spendings
    ADD CONSTRAINT spendings_pkey PRIMARY KEY (tenant_id, key);
ALTER TABLE ONLY stretto.state_documents
    ADD CONSTRAINT state_documents_pkey PRIMARY KEY (tenant_id, key);
ALTER TABLE ONLY stretto.state_versions
    ADD CONSTRAINT state_versions_pkey PRIMARY KEY (tenant_id, key, version);
ALTER TABLE ONLY stretto.tenants
    ADD CONSTRAINT tenants_name_key UNIQUE (name);
ALTER TABLE ONLY stretto.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (id);
ALTER TABLE ONLY stretto.thresholds
    ADD CONSTRAINT thresholds_pkey PRIMARY KEY (tenant_id, flow, policy, content_type);
ALTER TABLE ONLY stretto.timers
    ADD CONSTRAINT timers_pkey PRIMARY KEY (run_id, step);
ALTER TABLE ONLY stretto.tool_secrets
    ADD CONSTRAINT tool_secrets_pkey PRIMARY KEY (tenant_id, name);
ALTER TABLE ONLY stretto.usage_days
    ADD CONSTRAINT usage_days_pkey PRIMARY KEY (tenant_id, day, key);
ALTER TABLE ONLY stretto.waits
    ADD CONSTRAINT waits_pkey PRIMARY KEY (run_id, step);
ALTER TABLE ONLY stretto.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (event_id, webhook_id);
ALTER TABLE ONLY stretto.webhook_deliveries_else
    ADD CONSTRAINT webhook_deliveries_else_pkey PRIMARY KEY (event_id, webhook_id);
ALTER TABLE ONLY stretto.webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (id);
ALTER TABLE ONLY stretto.worker_hosts
    ADD CONSTRAINT worker_hosts_pkey PRIMARY KEY (worker_id);
CREATE INDEX answers_by_age ON stretto.answers USING btree (tenant_id, route, kept_at);
CREATE INDEX answers_by_rest ON stretto.answers USING btree (tenant_id, route, rest, expires_at) WHERE (rest IS NOT NULL);
CREATE INDEX answers_expired ON stretto.answers USING btree (expires_at);
CREATE INDEX api_keys_by_tenant ON stretto.api_keys USING btree (tenant_id, created_at);
CREATE INDEX audit_by_age ON stretto.audit USING brin (at);
CREATE INDEX budgets_by_age ON stretto.budgets USING btree (updated_at);
CREATE INDEX calls_by_run ON ONLY stretto.calls USING btree (tenant_id, run_id) WHERE (run_id IS NOT NULL);
CREATE INDEX calls_by_time ON ONLY stretto.calls USING btree (tenant_id, at);
CREATE INDEX event_letters_dead ON stretto.event_letters USING btree (tenant_id, group_name, "position") WHERE (state = 'dead'::text);
CREATE INDEX event_letters_due ON stretto.event_letters USING btree (tenant_id, group_name, due_at) WHERE (state = 'waiting'::text);
CREATE INDEX event_letters_in_order ON stretto.event_letters USING btree (tenant_id, group_name, event_tenant_id, subject, "position") WHERE (state = 'waiting'::text);
CREATE INDEX events_by_id ON ONLY stretto.events USING btree (id);
CREATE INDEX events_by_tenant ON ONLY stretto.events USING btree (tenant_id, "position");
CREATE INDEX hook_receipts_by_age ON stretto.hook_receipts USING btree (at);
CREATE INDEX idempotency_by_age ON stretto.idempotency USING btree (created_at);
CREATE INDEX logins_used_by_end ON stretto.logins_used USING btree (until);
CREATE UNIQUE INDEX members_by_email ON stretto.members USING btree (tenant_id, lower(email));
CREATE INDEX members_by_subject ON stretto.members USING btree (issuer, subject);
CREATE INDEX members_invited ON stretto.members USING btree (lower(email)) WHERE (subject IS NULL);
CREATE INDEX memory_collections_to_reembed ON stretto.memory_collections USING btree (id) WHERE (next_model IS NOT NULL);
CREATE INDEX memory_items_by_cell ON stretto.memory_items USING btree (tenant_id, collection_id, cell) WHERE (cell IS NOT NULL);
CREATE INDEX memory_postings_by_item ON stretto.memory_postings USING btree (item_id);
CREATE INDEX memory_postings_by_term ON stretto.memory_postings USING btree (tenant_id, collection_id, term, impact DESC) INCLUDE (item_id);
CREATE INDEX memory_vectors_1024 ON stretto.memory_vectors USING hnsw (((public.binary_quantize((embedding)::public.halfvec(1024)))::bit(1024)) public.bit_hamming_ops) WHERE (dimensions = 1024);
CREATE INDEX memory_vectors_1536 ON stretto.memory_vectors USING hnsw (((public.binary_quantize((embedding)::public.halfvec(1536)))::bit(1536)) public.bit_hamming_ops) WHERE (dimensions = 1536);
CREATE INDEX memory_vectors_384 ON stretto.memory_vectors USING hnsw (((public.binary_quantize((embedding)::public.halfvec(384)))::bit(384)) public.bit_hamming_ops) WHERE (dimensions = 384);
CREATE INDEX memory_vectors_768 ON stretto.memory_vectors USING hnsw (((public.binary_quantize((embedding)::public.halfvec(768)))::bit(768)) public.bit_hamming_ops) WHERE (dimensions = 768);
CREATE INDEX memory_vectors_by_item ON stretto.memory_vectors USING btree (item_id);
CREATE INDEX memory_vectors_by_text ON stretto.memory_vectors USING btree (tenant_id, model, hash);
CREATE INDEX review_deadlines_due ON stretto.review_deadlines USING btree (due_at);
CREATE INDEX review_decisions_by_time ON stretto.review_decisions USING btree (tenant_id, at) WHERE (final AND (how = 'person'::text));
CREATE UNIQUE INDEX review_decisions_final ON stretto.review_decisions USING btree (review_id) WHERE final;
CREATE INDEX reviews_approved ON stretto.reviews USING btree (tenant_id, flow, content_type) WHERE (verdict = 'approve'::text);
CREATE INDEX reviews_by_run ON stretto.reviews USING btree (run_id, id);
CREATE INDEX reviews_closed ON stretto.reviews USING btree (tenant_id, closed_at, id) WHERE (state <> 'open'::text);
CREATE INDEX reviews_escalate ON stretto.reviews USING btree (escalate_at) WHERE ((state = 'open'::text) AND (escalate_at IS NOT NULL));
CREATE INDEX reviews_inbox ON stretto.reviews USING btree (tenant_id, rank, trust, id) WHERE (state = 'open'::text);
CREATE INDEX reviews_inbox_of_flow ON stretto.reviews USING btree (tenant_id, flow, rank, trust, id) WHERE (state = 'open'::text);
CREATE INDEX reviews_inbox_of_type ON stretto.reviews USING btree (tenant_id, content_type, rank, trust, id) WHERE (state = 'open'::text);
CREATE UNIQUE INDEX reviews_open_step ON stretto.reviews USING btree (run_id, step) WHERE (state = 'open'::text);
CREATE INDEX runs_by_flow ON ONLY stretto.runs USING btree (tenant_id, flow_name, id DESC);
CREATE INDEX runs_by_tenant ON ONLY stretto.runs USING btree (tenant_id, id DESC);
CREATE INDEX runs_unfinished ON ONLY stretto.runs USING btree (status) WHERE (finished_at IS NULL);
CREATE INDEX runs_unfinished_by_tenant ON ONLY stretto.runs USING btree (tenant_id) WHERE (finished_at IS NULL);
CREATE INDEX schedules_due ON stretto.schedules USING btree (next_at);
CREATE INDEX sessions_by_end ON stretto.sessions USING btree (tenant_id, ends_at);
CREATE INDEX sessions_by_member ON stretto.sessions USING btree (member_id);
CREATE INDEX sessions_of_person ON stretto.sessions USING btree (tenant_id, issuer, subject, created_at);
CREATE INDEX signals_by_run ON stretto.signals USING btree (run_id, id);
CREATE INDEX spendings_by_month ON stretto.spendings USING btree (tenant_id, month) INCLUDE (amount_usd, state);
CREATE INDEX timers_due ON stretto.timers USING btree (due_at);
CREATE INDEX waits_by_name ON stretto.waits USING btree (tenant_id, kind, name, key);
CREATE INDEX webhook_deliveries_by_webhook ON ONLY stretto.webhook_deliveries USING btree (webhook_id, event_id);
CREATE INDEX webhook_deliveries_due ON ONLY stretto.webhook_deliveries USING btree (next_at) WHERE (status = 'pending'::text);
CREATE INDEX webhook_deliveries_else_next_at_idx ON stretto.webhook_deliveries_else USING btree (next_at) WHERE (status = 'pending'::text);
CREATE INDEX webhook_deliveries_else_webhook_id_event_id_idx ON stretto.webhook_deliveries_else USING btree (webhook_id, event_id);
CREATE INDEX webhooks_by_tenant ON stretto.webhooks USING btree (tenant_id, id);
ALTER INDEX stretto.event_effects_pkey ATTACH PARTITION stretto.event_effects_else_pkey;
ALTER INDEX stretto.webhook_deliveries_due ATTACH PARTITION stretto.webhook_deliveries_else_next_at_idx;
ALTER INDEX stretto.webhook_deliveries_pkey ATTACH PARTITION stretto.webhook_deliveries_else_pkey;
ALTER INDEX stretto.webhook_deliveries_by_webhook ATTACH PARTITION stretto.webhook_deliveries_else_webhook_id_event_id_idx;
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON stretto.api_keys FOR EACH ROW EXECUTE FUNCTION stretto.audit_change('key', 'prefix', 'name,role,scopes,expires_at,revoked_at,replaced_by');
CREATE TRIGGER audit AFTER INSERT OR DELETE ON stretto.archived_flows FOR EACH ROW EXECUTE FUNCTION stretto.audit_archive();
CREATE TRIGGER audit AFTER INSERT ON stretto.flows FOR EACH ROW EXECUTE FUNCTION stretto.audit_change('flow', 'name', 'version,digest');
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON stretto.hook_sources FOR EACH ROW EXECUTE FUNCTION stretto.audit_change('hook-source', 'name', 'scheme,active');
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON stretto.members FOR EACH ROW EXECUTE FUNCTION stretto.audit_change('member', 'email', 'role,issuer,subject');
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF value ON stretto.quotas FOR EACH ROW EXECUTE FUNCTION stretto.audit_change('quota', 'kind', 'name,value');
CREATE TRIGGER audit AFTER INSERT ON stretto.runs FOR EACH ROW WHEN ((COALESCE(current_setting('stretto.actor'::text, true), ''::text) <> ''::text)) EXECUTE FUNCTION stretto.audit_run();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON stretto.schedules FOR EACH ROW WHEN ((COALESCE(current_setting('stretto.actor'::text, true), ''::text) <> ''::text)) EXECUTE FUNCTION stretto.audit_change('schedule', 'name', 'flow_name,cron,timezone,priority,paused');
CREATE TRIGGER audit AFTER INSERT ON stretto.signals FOR EACH ROW WHEN (((COALESCE(current_setting('stretto.actor'::text, true), ''::text) <> ''::text) AND (new.kind <> 'review'::text))) EXECUTE FUNCTION stretto.audit_signal();
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON stretto.tenants FOR EACH ROW EXECUTE FUNCTION stretto.audit_change('tenant', 'name', 'name');
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON stretto.thresholds FOR EACH ROW EXECUTE FUNCTION stretto.audit_threshold();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON stretto.tool_secrets FOR EACH ROW EXECUTE FUNCTION stretto.audit_tool_secret();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON stretto.webhooks FOR EACH ROW EXECUTE FUNCTION stretto.audit_change('webhook', 'id', 'url,types,description,active,disabled_reason,rotated_at');
CREATE TRIGGER audit_login AFTER INSERT ON stretto.sessions FOR EACH ROW EXECUTE FUNCTION stretto.audit_change('session', 'id', 'issuer,subject,email,role');
CREATE TRIGGER audit_logout AFTER DELETE ON stretto.sessions FOR EACH ROW WHEN ((old.ends_at > now())) EXECUTE FUNCTION stretto.audit_change('session', 'id', 'subject,email');
CREATE TRIGGER note AFTER INSERT OR UPDATE ON stretto.reviews FOR EACH ROW EXECUTE FUNCTION stretto.note_review();
CREATE TRIGGER only_end BEFORE UPDATE OF revoked_at, expires_at ON stretto.api_keys FOR EACH ROW EXECUTE FUNCTION stretto.keys_only_end();
CREATE TRIGGER opens_review AFTER INSERT ON stretto.waits FOR EACH ROW WHEN ((new.kind = 'review'::text)) EXECUTE FUNCTION stretto.wait_begins();
CREATE TRIGGER quotas BEFORE INSERT ON stretto.runs FOR EACH ROW EXECUTE FUNCTION stretto.check_run_quotas();
CREATE TRIGGER tell AFTER INSERT OR UPDATE OF revoked_at, replaced_by ON stretto.api_keys FOR EACH ROW EXECUTE FUNCTION stretto.tell_of_key();
CREATE TRIGGER tell AFTER INSERT OR DELETE OR UPDATE OF role ON stretto.members FOR EACH ROW EXECUTE FUNCTION stretto.tell_of_member();
CREATE TRIGGER version BEFORE UPDATE ON stretto.reviews FOR EACH ROW EXECUTE FUNCTION stretto.count_version();
CREATE TRIGGER withdraws_review AFTER DELETE ON stretto.waits FOR EACH ROW WHEN ((old.kind = 'review'::text)) EXECUTE FUNCTION stretto.wait_ends();
ALTER TABLE ONLY stretto.answers
    ADD CONSTRAINT answers_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES stretto.tenants(id);
ALTER TABLE ONLY stretto.api_keys
    ADD CONSTRAINT api_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES stretto.tenants(id);
ALTER TABLE ONLY stretto.archived_flows
    ADD CONSTRAINT archived_flows_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES stretto.tenants(id);
ALTER TABLE ONLY stretto.flows
    ADD CONSTRAINT flows_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES stretto.tenants(id);
ALTER TABLE ONLY stretto.members
    ADD CONSTRAINT members_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES stretto.tenants(id);
ALTER TABLE ONLY stretto.quotas
    ADD CONSTRAINT quotas_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES stretto.tenants(id);
ALTER TABLE ONLY stretto.review_deadlines
    ADD CONSTRAINT review_deadlines_tenant_id_review_id_mandatory_fkey FOREIGN KEY (tenant_id, review_id, mandatory) REFERENCES stretto.reviews(tenant_id, id, mandatory) ON DELETE CASCADE;
ALTER TABLE ONLY stretto.review_decisions
    ADD CONSTRAINT review_decisions_tenant_id_review_id_mandatory_four_eyes_fkey FOREIGN KEY (tenant_id, review_id, mandatory, four_eyes) REFERENCES stretto.reviews(tenant_id, id, mandatory, four_eyes) ON DELETE CASCADE;
ALTER TABLE ONLY stretto.review_history
    ADD CONSTRAINT review_history_review_id_fkey FOREIGN KEY (review_id) REFERENCES stretto.reviews(id) ON DELETE CASCADE;
ALTER TABLE ONLY stretto.sessions
    ADD CONSTRAINT sessions_member_id_fkey FOREIGN KEY (member_id) REFERENCES stretto.members(id) ON DELETE CASCADE;
ALTER TABLE ONLY stretto.sessions
    ADD CONSTRAINT sessions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES stretto.tenants(id);
ALTER TABLE ONLY stretto.worker_hosts
    ADD CONSTRAINT worker_hosts_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES stretto_queue.procrastinate_workers(id) ON DELETE CASCADE;
ALTER TABLE stretto.answers ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.archived_flows ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.budget_leases ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.budgets ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.event_effects ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.event_letters ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.event_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.event_slots ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.events ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.flows ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.graph_checkpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.graph_values ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.graph_writes ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.hook_receipts ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.hook_sources ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.idempotency ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.journal ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.members ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.memory_collections ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.memory_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.memory_postings ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.memory_terms ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.memory_vectors ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.outbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY platform ON stretto.provider_keys USING ((NULLIF(current_setting('stretto.tenant'::text, true), ''::text) IS NULL)) WITH CHECK ((NULLIF(current_setting('stretto.tenant'::text, true), ''::text) IS NULL));
ALTER TABLE stretto.provider_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.quotas ENABLE ROW LEVEL SECURITY;
CREATE POLICY rename ON stretto.tenants FOR UPDATE USING ((id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
ALTER TABLE stretto.request_windows ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.review_deadlines ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.review_decisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.review_history ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.reviews ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.schedules ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.signals ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.spendings ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.state_documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.state_versions ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON stretto.answers USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.api_keys USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.archived_flows USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.audit USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.budget_leases USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.budgets USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.calls USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.event_effects USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.event_letters USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.event_members USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.event_slots USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.events USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.flows USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.graph_checkpoints USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.graph_values USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.graph_writes USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.hook_receipts USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.hook_sources USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.idempotency USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.journal USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.members USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.memory_collections USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.memory_items USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.memory_postings USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.memory_terms USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.memory_vectors USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.outbox USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.quotas USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.request_windows USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.review_deadlines USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.review_decisions USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.review_history USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.reviews USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.runs USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.schedules USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.sessions USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.signals USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.spendings USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.state_documents USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.state_versions USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.tenants USING ((id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.thresholds USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.timers USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.tool_secrets USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.usage_days USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.waits USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.webhook_deliveries USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.webhooks USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
ALTER TABLE stretto.tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.thresholds ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.timers ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.tool_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.usage_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.waits ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.webhook_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.webhooks ENABLE ROW LEVEL SECURITY;
GRANT USAGE ON SCHEMA stretto TO stretto_app;
REVOKE ALL ON FUNCTION stretto.acting_now() FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.add_audit(tenant uuid, action text, target text, detail jsonb) FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.audit_archive() FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.audit_change() FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.audit_run() FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.audit_signal() FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.audit_threshold() FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.audit_tool_secret() FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.check_run_quotas() FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.claim_webhook_deliveries(me uuid, lease interval, most integer, per_webhook integer, busy jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.claim_webhook_deliveries(me uuid, lease interval, most integer, per_webhook integer, busy jsonb) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.count_version() FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.declare_limits(declared jsonb, only_these boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.declare_limits(declared jsonb, only_these boolean) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.drop_expired_answers(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.drop_expired_answers(most integer) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.due_reviews(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.due_reviews(most integer) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.due_schedules(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.due_schedules(most integer) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.event_position_at(moment timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.event_position_at(moment timestamp with time zone) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.events_standing() FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.events_standing() TO stretto_app;
REVOKE ALL ON FUNCTION stretto.exchange_limits(me uuid, asked jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.exchange_limits(me uuid, asked jsonb) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.figures() FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.figures() TO stretto_app;
REVOKE ALL ON FUNCTION stretto.find_api_key(wanted text) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.find_api_key(wanted text) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.find_hook_source(wanted text) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.find_hook_source(wanted text) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.find_memberships(who_issuer text, who_subject text, mail text) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.find_memberships(who_issuer text, who_subject text, mail text) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.find_session(wanted bytea, who_issuer text, idle interval) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.find_session(wanted bytea, who_issuer text, idle interval) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.find_tenant(wanted text) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.find_tenant(wanted text) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.fire_due_timers(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.fire_due_timers(most integer) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.forget_hook_receipts(before timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.forget_hook_receipts(before timestamp with time zone) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.forget_windows(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.forget_windows(most integer) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.join_event_group(of_tenant uuid, of_group text, me text, lease interval, beginning bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.join_event_group(of_tenant uuid, of_group text, me text, lease interval, beginning bigint) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.keys_only_end() FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.lease_money(me uuid, asked jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.lease_money(me uuid, asked jsonb) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.leave_limits(me uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.leave_limits(me uuid) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.leave_relay(me text) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.leave_relay(me text) TO stretto_app;
GRANT SELECT,INSERT,UPDATE ON TABLE stretto.limits TO stretto_app;
REVOKE ALL ON FUNCTION stretto.level_at(l stretto.limits, moment timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.level_at(l stretto.limits, moment timestamp with time zone) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.lock_state(tenant uuid, wanted text[], seen integer[]) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.lock_state(tenant uuid, wanted text[], seen integer[]) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.memory_to_reembed(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.memory_to_reembed(most integer) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.new_event_id() FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.new_event_id() TO stretto_app;
REVOKE ALL ON FUNCTION stretto.note_denials(denials jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.note_denials(denials jsonb) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.note_keys_used(ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.note_keys_used(ids uuid[]) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.note_review() FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.observe_limits(observed jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.observe_limits(observed jsonb) TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.waits TO stretto_app;
REVOKE ALL ON FUNCTION stretto.open_review(wait stretto.waits) FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.put_events(events jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.put_events(events jsonb) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.read_events(lowest bigint, after bigint[], most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.read_events(lowest bigint, after bigint[], most integer) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.relay_events(me text, lease interval, most integer, OUT led boolean, OUT moved integer, OUT head bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.relay_events(me text, lease interval, most integer, OUT led boolean, OUT moved integer, OUT head bigint) TO stretto_app;
GRANT ALL ON FUNCTION stretto.rescue_runs(silence interval) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.reset_windows(wanted text) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.reset_windows(wanted text) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.seconds_in(value jsonb) FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.settle_costs(tenant uuid, me uuid, names text[], costs numeric[], leased boolean[]) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.settle_costs(tenant uuid, me uuid, names text[], costs numeric[], leased boolean[]) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.share_in(value jsonb) FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.signal_runs(run_ids uuid[], kinds text[], bodies jsonb[]) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.signal_runs(run_ids uuid[], kinds text[], bodies jsonb[]) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.sweep_limits(older interval) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.sweep_limits(older interval) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.take_requests(owners uuid[], names text[], mosts integer[], widths bigint[], wants integer[], sizes integer[], firsts integer[], refs integer[], OUT granted integer[], OUT used bigint[], OUT wait_ms bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.take_requests(owners uuid[], names text[], mosts integer[], widths bigint[], wants integer[], sizes integer[], firsts integer[], refs integer[], OUT granted integer[], OUT used bigint[], OUT wait_ms bigint[]) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.tell_exhausted(tenant uuid, names text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.tell_exhausted(tenant uuid, names text[]) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.tell_of_key() FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.tell_of_member() FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.traceparent_of(run uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.trim_state(document text, up_to integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.trim_state(document text, up_to integer) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.turn_window(counts integer[], before bigint, now bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.wait_begins() FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.wait_ends() FROM PUBLIC;
REVOKE ALL ON FUNCTION stretto.wake_run(run uuid, tenant uuid, priority integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.wake_run(run uuid, tenant uuid, priority integer) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.webhook_tenants() FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.webhook_tenants() TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.answers TO stretto_app;
GRANT SELECT,INSERT ON TABLE stretto.api_keys TO stretto_app;
GRANT UPDATE(revoked_at) ON TABLE stretto.api_keys TO stretto_app;
GRANT UPDATE(expires_at) ON TABLE stretto.api_keys TO stretto_app;
GRANT UPDATE(replaced_by) ON TABLE stretto.api_keys TO stretto_app;
GRANT SELECT ON TABLE stretto.apps TO stretto_app;
GRANT SELECT,INSERT,DELETE ON TABLE stretto.archived_flows TO stretto_app;
GRANT SELECT ON TABLE stretto.audit TO stretto_app;
GRANT SELECT,INSERT,UPDATE ON TABLE stretto.budget_leases TO stretto_app;
GRANT SELECT,INSERT,UPDATE ON TABLE stretto.budgets TO stretto_app;
GRANT SELECT,INSERT ON TABLE stretto.calls TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.claims TO stretto_app;
GRANT SELECT,INSERT ON TABLE stretto.event_effects TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.event_letters TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.event_members TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.event_slots TO stretto_app;
GRANT SELECT ON TABLE stretto.events TO stretto_app;
GRANT SELECT,INSERT ON TABLE stretto.flows TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.graph_checkpoints TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.graph_values TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.graph_writes TO stretto_app;
GRANT SELECT,INSERT ON TABLE stretto.hook_receipts TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.hook_sources TO stretto_app;
GRANT SELECT,INSERT ON TABLE stretto.idempotency TO stretto_app;
GRANT SELECT,INSERT ON TABLE stretto.journal TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.lessees TO stretto_app;
GRANT SELECT,INSERT,DELETE ON TABLE stretto.logins_used TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.members TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.memory_collections TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.memory_items TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.memory_postings TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.memory_terms TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.memory_vectors TO stretto_app;
GRANT SELECT,INSERT ON TABLE stretto.outbox TO stretto_app;
GRANT SELECT,INSERT ON TABLE stretto.price_versions TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.provider_keys TO stretto_app;
GRANT SELECT ON TABLE stretto.quotas TO stretto_app;
GRANT SELECT ON TABLE stretto.request_windows TO stretto_app;
GRANT SELECT ON TABLE stretto.review_deadlines TO stretto_app;
GRANT SELECT,INSERT ON TABLE stretto.review_decisions TO stretto_app;
GRANT SELECT ON TABLE stretto.review_history TO stretto_app;
GRANT SELECT ON TABLE stretto.reviews TO stretto_app;
GRANT UPDATE(state) ON TABLE stretto.reviews TO stretto_app;
GRANT UPDATE(assignee) ON TABLE stretto.reviews TO stretto_app;
GRANT UPDATE(claimed_by) ON TABLE stretto.reviews TO stretto_app;
GRANT UPDATE(claimed_until) ON TABLE stretto.reviews TO stretto_app;
GRANT UPDATE(snoozed_until) ON TABLE stretto.reviews TO stretto_app;
GRANT UPDATE(escalate_at) ON TABLE stretto.reviews TO stretto_app;
GRANT UPDATE(escalated_at) ON TABLE stretto.reviews TO stretto_app;
GRANT UPDATE(first_by) ON TABLE stretto.reviews TO stretto_app;
GRANT UPDATE(verdict) ON TABLE stretto.reviews TO stretto_app;
GRANT UPDATE(decided_by) ON TABLE stretto.reviews TO stretto_app;
GRANT UPDATE(how) ON TABLE stretto.reviews TO stretto_app;
GRANT UPDATE(closed_at) ON TABLE stretto.reviews TO stretto_app;
GRANT UPDATE(changed_by) ON TABLE stretto.reviews TO stretto_app;
GRANT SELECT,INSERT,UPDATE ON TABLE stretto.runs TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.schedules TO stretto_app;
GRANT SELECT,INSERT,DELETE ON TABLE stretto.sessions TO stretto_app;
GRANT SELECT,INSERT,DELETE ON TABLE stretto.signals TO stretto_app;
GRANT SELECT,INSERT,UPDATE ON TABLE stretto.spendings TO stretto_app;
GRANT SELECT,INSERT,UPDATE ON TABLE stretto.state_documents TO stretto_app;
GRANT SELECT,INSERT ON TABLE stretto.state_versions TO stretto_app;
GRANT SELECT ON TABLE stretto.tenants TO stretto_app;
GRANT UPDATE(name) ON TABLE stretto.tenants TO stretto_app;
GRANT UPDATE(revision) ON TABLE stretto.tenants TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.thresholds TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.timers TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.tool_secrets TO stretto_app;
GRANT SELECT,INSERT,UPDATE ON TABLE stretto.usage_days TO stretto_app;
GRANT SELECT,INSERT,UPDATE ON TABLE stretto.webhook_deliveries TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.webhooks TO stretto_app;
GRANT SELECT,INSERT ON TABLE stretto.worker_hosts TO stretto_app;
-- PostgreSQL database dump complete
