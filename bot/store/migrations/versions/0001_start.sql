-- The first schema. {serial} counts up by itself and {time} keeps its zone, each in the database's own word.

CREATE TABLE inbox (source TEXT NOT NULL, id TEXT NOT NULL, at {time} NOT NULL, PRIMARY KEY (source, id));
CREATE TABLE work (id {serial} NOT NULL PRIMARY KEY, key TEXT NOT NULL, kind TEXT NOT NULL, ref TEXT NOT NULL,
  state TEXT NOT NULL, payload TEXT NOT NULL, first_error TEXT NOT NULL, last_error TEXT NOT NULL,
  rung INTEGER NOT NULL, fence INTEGER NOT NULL, attempts INTEGER NOT NULL, crashes INTEGER NOT NULL,
  run_at {time} NOT NULL, at {time} NOT NULL, lease_until {time});
CREATE TABLE conversation (ref TEXT NOT NULL PRIMARY KEY, snapshot TEXT NOT NULL, looked_at {time} NOT NULL);
CREATE TABLE event (key TEXT NOT NULL PRIMARY KEY, ref TEXT NOT NULL, value TEXT NOT NULL,
  at {time} NOT NULL, seen_at {time} NOT NULL);
CREATE TABLE draft (id TEXT NOT NULL PRIMARY KEY, event_key TEXT NOT NULL, ref TEXT NOT NULL,
  action TEXT NOT NULL, reason TEXT NOT NULL, value TEXT NOT NULL, at {time} NOT NULL);
CREATE TABLE delivery (key TEXT NOT NULL PRIMARY KEY, ref TEXT NOT NULL, draft_id TEXT NOT NULL, state TEXT NOT NULL,
  by TEXT NOT NULL, vendor_id TEXT NOT NULL, error TEXT NOT NULL, value TEXT NOT NULL,
  tries INTEGER NOT NULL, at {time} NOT NULL, sending_at {time}, sent_at {time});
CREATE TABLE outcome (draft_id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, by TEXT NOT NULL,
  message_id TEXT NOT NULL, version INTEGER NOT NULL, at {time} NOT NULL);
CREATE TABLE correction (draft_id TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, at {time} NOT NULL);
CREATE TABLE intervention (id TEXT NOT NULL PRIMARY KEY, ref TEXT NOT NULL, proposal_id TEXT NOT NULL,
  value TEXT NOT NULL, at {time} NOT NULL);
CREATE TABLE signal (seq {serial} NOT NULL PRIMARY KEY, id TEXT NOT NULL, value TEXT NOT NULL, at {time} NOT NULL);
CREATE TABLE entry (seq {serial} NOT NULL PRIMARY KEY, id TEXT NOT NULL, topic TEXT NOT NULL,
  version INTEGER NOT NULL, value TEXT NOT NULL, at {time} NOT NULL);
CREATE TABLE past (seq {serial} NOT NULL PRIMARY KEY, id TEXT NOT NULL, value TEXT NOT NULL, at {time} NOT NULL);
CREATE TABLE rule (seq {serial} NOT NULL PRIMARY KEY, id TEXT NOT NULL, version INTEGER NOT NULL, value TEXT NOT NULL,
  at {time} NOT NULL);
CREATE TABLE policy (version {serial} NOT NULL PRIMARY KEY, value TEXT NOT NULL, by TEXT NOT NULL,
  at {time} NOT NULL);
CREATE TABLE licence (seq {serial} NOT NULL PRIMARY KEY, topic TEXT NOT NULL, value TEXT NOT NULL,
  at {time} NOT NULL);
CREATE TABLE proposal (id TEXT NOT NULL PRIMARY KEY, state TEXT NOT NULL, entry_id TEXT NOT NULL,
  digest TEXT NOT NULL, teachers INTEGER NOT NULL, refs INTEGER NOT NULL, value TEXT NOT NULL, at {time} NOT NULL);
CREATE TABLE nonce (id TEXT NOT NULL PRIMARY KEY, about TEXT NOT NULL, digest TEXT NOT NULL, used_by TEXT NOT NULL,
  expires {time} NOT NULL, used_at {time});
CREATE TABLE person (id TEXT NOT NULL PRIMARY KEY, email TEXT NOT NULL, value TEXT NOT NULL);
CREATE TABLE vendor_person (vendor_id TEXT NOT NULL PRIMARY KEY, person_id TEXT NOT NULL);
CREATE TABLE cursor (name TEXT NOT NULL PRIMARY KEY, at {time} NOT NULL);
CREATE TABLE switch (name TEXT NOT NULL PRIMARY KEY, "on" BOOLEAN NOT NULL, by TEXT NOT NULL, at {time} NOT NULL);
CREATE TABLE audit (seq {serial} NOT NULL PRIMARY KEY, who TEXT NOT NULL, what TEXT NOT NULL, about TEXT NOT NULL,
  why TEXT NOT NULL, detail TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL, at {time} NOT NULL);

CREATE UNIQUE INDEX ix_work_key ON work (key);
CREATE INDEX ix_work_ref_kind_state_id ON work (ref, kind, state, id);
CREATE INDEX ix_work_state_run_at_id ON work (state, run_at, id);
CREATE UNIQUE INDEX uq_work_running ON work (ref) WHERE state = 'running';
CREATE INDEX ix_conversation_looked_at ON conversation (looked_at);
CREATE INDEX ix_event_ref ON event (ref);
CREATE INDEX ix_draft_action_reason ON draft (action, reason);
CREATE UNIQUE INDEX ix_draft_event_key ON draft (event_key);
CREATE INDEX ix_draft_ref ON draft (ref);
CREATE INDEX ix_delivery_ref ON delivery (ref);
CREATE INDEX ix_delivery_state ON delivery (state);
CREATE UNIQUE INDEX uq_delivery_sending ON delivery (ref) WHERE state = 'sending';
CREATE INDEX ix_intervention_ref ON intervention (ref);
CREATE UNIQUE INDEX ix_signal_id ON signal (id);
CREATE UNIQUE INDEX ix_entry_id_version ON entry (id, version);
CREATE UNIQUE INDEX ix_past_id ON past (id);
CREATE UNIQUE INDEX ix_rule_id_version ON rule (id, version);
CREATE INDEX ix_proposal_entry_id ON proposal (entry_id);
CREATE INDEX ix_proposal_state_teachers_refs_at ON proposal (state, teachers, refs, at);
CREATE INDEX ix_nonce_about ON nonce (about);
CREATE UNIQUE INDEX ix_person_email ON person (email);
CREATE INDEX ix_audit_about ON audit (about);
CREATE INDEX ix_audit_who ON audit (who);
