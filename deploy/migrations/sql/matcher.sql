-- Matcher: the archive, cases, obligations and their outbox. Only credithub_matcher writes here.
-- Tables that grow with events are hash-partitioned by subject, those of repeats by (source, id), from the first day.
CREATE SCHEMA matcher AUTHORIZATION credithub_owner;

CREATE TABLE matcher.positions (
    grp text NOT NULL, cluster text NOT NULL, topic text NOT NULL, topic_id text NOT NULL, partition integer NOT NULL,
    position bigint NOT NULL, moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (grp, cluster, topic_id, partition)
);

CREATE TABLE matcher.parked (
    grp text NOT NULL, topic text NOT NULL, partition integer NOT NULL, "offset" bigint NOT NULL,
    key bytea, value bytea, error text NOT NULL, parked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (grp, topic, partition, "offset")
);

-- Transport identity: one row per (source, id) that is archived or waiting (interleavings 1, 2).
CREATE TABLE matcher.entries (
    source            text NOT NULL,
    id                text NOT NULL,
    digest            text NOT NULL,
    submission        text NOT NULL,
    index             integer NOT NULL,
    "row"             integer,
    supplier          text NOT NULL,
    item              text NOT NULL,
    outcome           text NOT NULL CHECK (outcome IN ('archived', 'waiting-subject', 'waiting-record')),
    organisation_code text,
    record            text,
    received_at       timestamptz NOT NULL,
    decided_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, id)
) PARTITION BY HASH (source, id);
CREATE TABLE matcher.entries_0 PARTITION OF matcher.entries FOR VALUES WITH (MODULUS 8, REMAINDER 0);
CREATE TABLE matcher.entries_1 PARTITION OF matcher.entries FOR VALUES WITH (MODULUS 8, REMAINDER 1);
CREATE TABLE matcher.entries_2 PARTITION OF matcher.entries FOR VALUES WITH (MODULUS 8, REMAINDER 2);
CREATE TABLE matcher.entries_3 PARTITION OF matcher.entries FOR VALUES WITH (MODULUS 8, REMAINDER 3);
CREATE TABLE matcher.entries_4 PARTITION OF matcher.entries FOR VALUES WITH (MODULUS 8, REMAINDER 4);
CREATE TABLE matcher.entries_5 PARTITION OF matcher.entries FOR VALUES WITH (MODULUS 8, REMAINDER 5);
CREATE TABLE matcher.entries_6 PARTITION OF matcher.entries FOR VALUES WITH (MODULUS 8, REMAINDER 6);
CREATE TABLE matcher.entries_7 PARTITION OF matcher.entries FOR VALUES WITH (MODULUS 8, REMAINDER 7);
CREATE INDEX entries_by_submission ON matcher.entries (submission, index);
CREATE INDEX entries_lately ON matcher.entries USING brin (decided_at) WITH (pages_per_range = 32, autosummarize = on);  -- /ops

-- Entries that the archive did not take: repeats, and what only the archive can refuse.
CREATE TABLE matcher.repeats_seen (
    submission text NOT NULL, index integer NOT NULL, "row" integer, source text NOT NULL, id text NOT NULL,
    supplier text NOT NULL, item text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('duplicate', 'refused')),
    reasons jsonb NOT NULL DEFAULT '[]', record text, organisation_code text,
    received_at timestamptz NOT NULL, decided_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (submission, index)
);
CREATE INDEX repeats_seen_by_entry ON matcher.repeats_seen (source, id);
CREATE INDEX repeats_seen_refused ON matcher.repeats_seen (supplier, decided_at) WHERE outcome = 'refused';
CREATE INDEX repeats_seen_lately ON matcher.repeats_seen USING brin (decided_at) WITH (pages_per_range = 32, autosummarize = on);  -- /ops

CREATE TABLE matcher.subjects (
    organisation_code text NOT NULL,
    unified_code      text,
    name              text,
    kind              text NOT NULL DEFAULT 'organisation',
    seat              text,                -- division, from the register only, never from the digits of the code
    status            text NOT NULL DEFAULT 'active',
    registered        boolean NOT NULL DEFAULT false,
    registered_on     date,
    seq               bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (organisation_code)
) PARTITION BY HASH (organisation_code);
CREATE TABLE matcher.subjects_0 PARTITION OF matcher.subjects FOR VALUES WITH (MODULUS 8, REMAINDER 0);
CREATE TABLE matcher.subjects_1 PARTITION OF matcher.subjects FOR VALUES WITH (MODULUS 8, REMAINDER 1);
CREATE TABLE matcher.subjects_2 PARTITION OF matcher.subjects FOR VALUES WITH (MODULUS 8, REMAINDER 2);
CREATE TABLE matcher.subjects_3 PARTITION OF matcher.subjects FOR VALUES WITH (MODULUS 8, REMAINDER 3);
CREATE TABLE matcher.subjects_4 PARTITION OF matcher.subjects FOR VALUES WITH (MODULUS 8, REMAINDER 4);
CREATE TABLE matcher.subjects_5 PARTITION OF matcher.subjects FOR VALUES WITH (MODULUS 8, REMAINDER 5);
CREATE TABLE matcher.subjects_6 PARTITION OF matcher.subjects FOR VALUES WITH (MODULUS 8, REMAINDER 6);
CREATE TABLE matcher.subjects_7 PARTITION OF matcher.subjects FOR VALUES WITH (MODULUS 8, REMAINDER 7);
CREATE INDEX subjects_by_unified_code ON matcher.subjects (unified_code);

-- Other identifiers: created if absent and locked before any look-up (interleavings 7).
CREATE TABLE matcher.identifiers (
    scheme text NOT NULL, value text NOT NULL, organisation_code text, since date, evidence text,
    PRIMARY KEY (scheme, value)
);
CREATE INDEX identifiers_by_subject ON matcher.identifiers (organisation_code);

CREATE TABLE matcher.records (
    organisation_code text NOT NULL,
    record            text NOT NULL,        -- computed from the fact identity (law 2)
    item              text NOT NULL,
    kind              text NOT NULL,
    state             text NOT NULL CHECK (state IN ('active', 'withdrawn', 'repaired', 'expired', 'removed')),
    version           integer NOT NULL DEFAULT 1,
    content           text NOT NULL,        -- digest of the normalised content
    folded_number     text NOT NULL,
    issuer            text NOT NULL,
    decided_on        date,
    supplier          text NOT NULL,
    source            text NOT NULL,
    id                text NOT NULL,
    catalogue         text NOT NULL,
    document          jsonb NOT NULL,
    data              jsonb NOT NULL,
    seq               bigint NOT NULL,      -- subject_seq: the order of the subject's archive
    archived_at       timestamptz NOT NULL DEFAULT now(),
    ended_at          timestamptz,
    ended_by          text,                 -- the record that ended this one
    PRIMARY KEY (organisation_code, record)
) PARTITION BY HASH (organisation_code);
CREATE TABLE matcher.records_0 PARTITION OF matcher.records FOR VALUES WITH (MODULUS 8, REMAINDER 0);
CREATE TABLE matcher.records_1 PARTITION OF matcher.records FOR VALUES WITH (MODULUS 8, REMAINDER 1);
CREATE TABLE matcher.records_2 PARTITION OF matcher.records FOR VALUES WITH (MODULUS 8, REMAINDER 2);
CREATE TABLE matcher.records_3 PARTITION OF matcher.records FOR VALUES WITH (MODULUS 8, REMAINDER 3);
CREATE TABLE matcher.records_4 PARTITION OF matcher.records FOR VALUES WITH (MODULUS 8, REMAINDER 4);
CREATE TABLE matcher.records_5 PARTITION OF matcher.records FOR VALUES WITH (MODULUS 8, REMAINDER 5);
CREATE TABLE matcher.records_6 PARTITION OF matcher.records FOR VALUES WITH (MODULUS 8, REMAINDER 6);
CREATE TABLE matcher.records_7 PARTITION OF matcher.records FOR VALUES WITH (MODULUS 8, REMAINDER 7);
CREATE INDEX records_by_number ON matcher.records (organisation_code, item, folded_number);

-- Older versions of records: what was served before it was corrected.
CREATE TABLE matcher.record_versions (
    organisation_code text NOT NULL, record text NOT NULL, version integer NOT NULL, content text NOT NULL,
    document jsonb NOT NULL, data jsonb NOT NULL, source text NOT NULL, id text NOT NULL,
    archived_at timestamptz NOT NULL, replaced_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_code, record, version)
) PARTITION BY HASH (organisation_code);
CREATE TABLE matcher.record_versions_0 PARTITION OF matcher.record_versions FOR VALUES WITH (MODULUS 8, REMAINDER 0);
CREATE TABLE matcher.record_versions_1 PARTITION OF matcher.record_versions FOR VALUES WITH (MODULUS 8, REMAINDER 1);
CREATE TABLE matcher.record_versions_2 PARTITION OF matcher.record_versions FOR VALUES WITH (MODULUS 8, REMAINDER 2);
CREATE TABLE matcher.record_versions_3 PARTITION OF matcher.record_versions FOR VALUES WITH (MODULUS 8, REMAINDER 3);
CREATE TABLE matcher.record_versions_4 PARTITION OF matcher.record_versions FOR VALUES WITH (MODULUS 8, REMAINDER 4);
CREATE TABLE matcher.record_versions_5 PARTITION OF matcher.record_versions FOR VALUES WITH (MODULUS 8, REMAINDER 5);
CREATE TABLE matcher.record_versions_6 PARTITION OF matcher.record_versions FOR VALUES WITH (MODULUS 8, REMAINDER 6);
CREATE TABLE matcher.record_versions_7 PARTITION OF matcher.record_versions FOR VALUES WITH (MODULUS 8, REMAINDER 7);

-- Events that wait: for a subject ("<scheme>:<value>", one row for each of the event's identifiers),
-- or for the record that they end ("record:<organisation code>:<item>:<folded number>").
CREATE TABLE matcher.waiting (
    n      bigint GENERATED ALWAYS AS IDENTITY,
    awaits text NOT NULL,
    source text NOT NULL,
    id     text NOT NULL,
    event  bytea NOT NULL,
    since  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (awaits, source, id)
);
CREATE INDEX waiting_by_entry ON matcher.waiting (source, id);

CREATE TABLE matcher.cases (
    organisation_code text NOT NULL, case_id text NOT NULL, record text NOT NULL, item text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now(), closed_at timestamptz,
    PRIMARY KEY (organisation_code, case_id)
) PARTITION BY HASH (organisation_code);
CREATE TABLE matcher.cases_0 PARTITION OF matcher.cases FOR VALUES WITH (MODULUS 8, REMAINDER 0);
CREATE TABLE matcher.cases_1 PARTITION OF matcher.cases FOR VALUES WITH (MODULUS 8, REMAINDER 1);
CREATE TABLE matcher.cases_2 PARTITION OF matcher.cases FOR VALUES WITH (MODULUS 8, REMAINDER 2);
CREATE TABLE matcher.cases_3 PARTITION OF matcher.cases FOR VALUES WITH (MODULUS 8, REMAINDER 3);
CREATE TABLE matcher.cases_4 PARTITION OF matcher.cases FOR VALUES WITH (MODULUS 8, REMAINDER 4);
CREATE TABLE matcher.cases_5 PARTITION OF matcher.cases FOR VALUES WITH (MODULUS 8, REMAINDER 5);
CREATE TABLE matcher.cases_6 PARTITION OF matcher.cases FOR VALUES WITH (MODULUS 8, REMAINDER 6);
CREATE TABLE matcher.cases_7 PARTITION OF matcher.cases FOR VALUES WITH (MODULUS 8, REMAINDER 7);
CREATE INDEX cases_by_record ON matcher.cases (organisation_code, record);

CREATE TABLE matcher.obligations (
    organisation_code text NOT NULL,
    obligation        text NOT NULL,        -- computed from (case, measure, agency, round)
    case_id           text NOT NULL,
    record            text NOT NULL,
    item              text NOT NULL,
    measure           text NOT NULL,
    department        text NOT NULL,
    agency            text NOT NULL,
    round             integer NOT NULL DEFAULT 1,
    epoch             integer NOT NULL,
    version           integer NOT NULL,
    state             text NOT NULL CHECK (state IN ('triggered', 'delivered', 'acknowledged', 'executed', 'declined', 'lifting', 'lifted', 'cancelled')),
    suspended         boolean NOT NULL DEFAULT false,
    executed          boolean NOT NULL DEFAULT false,   -- ever, in whichever state: it keeps a lift owed
    mandatory         boolean NOT NULL,
    due_on            date,
    answer            text, reason text, answered_at timestamptz,
    ended_at          timestamptz,
    catalogue         text NOT NULL,
    explain           jsonb NOT NULL,       -- measure as told, clause, rule: why this obligation exists
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_code, obligation)
) PARTITION BY HASH (organisation_code);
CREATE TABLE matcher.obligations_0 PARTITION OF matcher.obligations FOR VALUES WITH (MODULUS 8, REMAINDER 0);
CREATE TABLE matcher.obligations_1 PARTITION OF matcher.obligations FOR VALUES WITH (MODULUS 8, REMAINDER 1);
CREATE TABLE matcher.obligations_2 PARTITION OF matcher.obligations FOR VALUES WITH (MODULUS 8, REMAINDER 2);
CREATE TABLE matcher.obligations_3 PARTITION OF matcher.obligations FOR VALUES WITH (MODULUS 8, REMAINDER 3);
CREATE TABLE matcher.obligations_4 PARTITION OF matcher.obligations FOR VALUES WITH (MODULUS 8, REMAINDER 4);
CREATE TABLE matcher.obligations_5 PARTITION OF matcher.obligations FOR VALUES WITH (MODULUS 8, REMAINDER 5);
CREATE TABLE matcher.obligations_6 PARTITION OF matcher.obligations FOR VALUES WITH (MODULUS 8, REMAINDER 6);
CREATE TABLE matcher.obligations_7 PARTITION OF matcher.obligations FOR VALUES WITH (MODULUS 8, REMAINDER 7);
CREATE INDEX obligations_by_id ON matcher.obligations (obligation);
CREATE INDEX obligations_by_agency ON matcher.obligations (agency, state);
CREATE INDEX obligations_by_record ON matcher.obligations (organisation_code, record);
CREATE INDEX obligations_unanswered ON matcher.obligations (created_at) WHERE state IN ('triggered', 'delivered');  -- /ops
CREATE INDEX obligations_held ON matcher.obligations (ended_at) INCLUDE (agency) WHERE state = 'lifting';  -- /ops
CREATE INDEX obligations_suspended ON matcher.obligations (obligation) WHERE suspended;  -- /ops

-- Obligations whose agency is not known yet: seat unknown, or no office of the department at or above it.
CREATE TABLE matcher.unrouted (
    organisation_code text NOT NULL, case_id text NOT NULL, record text NOT NULL, item text NOT NULL,
    measure text NOT NULL, department text NOT NULL, catalogue text NOT NULL, since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_code, case_id, measure, department)
);

CREATE TABLE matcher.feedback (
    id text PRIMARY KEY, obligation text NOT NULL, agency text NOT NULL, epoch integer NOT NULL, version integer NOT NULL,
    answer text NOT NULL, reason text, document jsonb, happened_on date, via text NOT NULL,
    received_at timestamptz NOT NULL, decided_at timestamptz NOT NULL DEFAULT now(),
    outcome text NOT NULL CHECK (outcome IN ('accepted', 'refused', 'waiting')), refusal text
);
CREATE INDEX feedback_by_obligation ON matcher.feedback (obligation);
CREATE INDEX feedback_waiting ON matcher.feedback (obligation) WHERE outcome = 'waiting';
CREATE INDEX feedback_lately ON matcher.feedback USING brin (decided_at) WITH (pages_per_range = 32, autosummarize = on);  -- /ops

CREATE TABLE matcher.outbox (
    epoch integer NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, shard smallint NOT NULL, first boolean NOT NULL,
    topic text NOT NULL, key bytea NOT NULL, value bytea NOT NULL, published boolean NOT NULL DEFAULT false,
    written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (epoch, id)
);
CREATE INDEX outbox_unpublished ON matcher.outbox (first DESC, epoch, id) WHERE NOT published;

-- What others read -----------------------------------------------------------------------------------------------
CREATE VIEW matcher.entry_states_v AS
    SELECT submission, index, "row", source, id, supplier, item, outcome AS state, '[]'::jsonb AS reasons,
           record, organisation_code AS subject, received_at, decided_at
      FROM matcher.entries
    UNION ALL
    SELECT submission, index, "row", source, id, supplier, item,
           CASE outcome WHEN 'duplicate' THEN 'duplicate' ELSE 'quarantined' END, reasons,
           record, organisation_code, received_at, decided_at
      FROM matcher.repeats_seen
    UNION ALL
    SELECT submission, index, "row", source, id, supplier, item, 'quarantined', reasons, NULL, NULL, received_at, quarantined_at
      FROM ingest.quarantine;

-- The supplier's work list: an archived or waiting entry hides its quarantine rows (interleavings 3).
CREATE VIEW matcher.quarantine_v AS
    SELECT q.submission, q.index, q."row", q.source, q.id, q.supplier, q.item, q.reasons, q.body, q.received_at, q.quarantined_at
      FROM ingest.quarantine q
     WHERE NOT EXISTS (SELECT FROM matcher.entries e WHERE e.source = q.source AND e.id = q.id)
    UNION ALL
    SELECT r.submission, r.index, r."row", r.source, r.id, r.supplier, r.item, r.reasons, NULL, r.received_at, r.decided_at
      FROM matcher.repeats_seen r WHERE r.outcome = 'refused';

CREATE VIEW matcher.submissions_v AS
    SELECT s.submission, s.supplier, s.source, s.form, s.file_name, s.file_digest, s.received_at, s.entries,
           count(*) FILTER (WHERE e.state = 'archived')     AS archived,
           count(*) FILTER (WHERE e.state = 'duplicate')    AS duplicates,
           count(*) FILTER (WHERE e.state LIKE 'waiting%')  AS waiting,
           count(*) FILTER (WHERE e.state = 'quarantined')  AS quarantined
      FROM ingest.submissions s LEFT JOIN matcher.entry_states_v e ON e.submission = s.submission
     GROUP BY s.submission;

CREATE VIEW matcher.subjects_v AS
    SELECT organisation_code, unified_code, name, kind, seat, status, registered, registered_on FROM matcher.subjects;
CREATE VIEW matcher.identifiers_v AS
    SELECT scheme, value, organisation_code, since FROM matcher.identifiers;
CREATE VIEW matcher.records_v AS
    SELECT record, organisation_code, item, kind, state, version, document, data, issuer, folded_number, supplier, source, id,
           catalogue, decided_on, archived_at, ended_at, ended_by, seq AS subject_seq FROM matcher.records;
CREATE VIEW matcher.cases_v AS
    SELECT case_id, record, organisation_code, item, opened_at, closed_at FROM matcher.cases;
CREATE VIEW matcher.waiting_v AS
    SELECT n, awaits, source, id, since FROM matcher.waiting;
CREATE VIEW matcher.obligations_v AS
    SELECT obligation, case_id, record, organisation_code, item, measure, agency, department, round, epoch, version, state,
           suspended, due_on, mandatory, answer, answered_at, reason, catalogue, explain AS clause, explain ->> 'rule' AS rule,
           created_at, updated_at,
           (state = 'lifting') AS still_holding, CASE WHEN state = 'lifting' THEN ended_at END AS holding_since
      FROM matcher.obligations
    UNION ALL
    SELECT NULL, case_id, record, organisation_code, item, measure, NULL, department, 1, NULL, NULL, 'unrouted',
           false, NULL, NULL, NULL, NULL, NULL, catalogue, '{}'::jsonb, NULL, since, since, false, NULL
      FROM matcher.unrouted;
CREATE VIEW matcher.feedback_v AS
    SELECT id, obligation, agency, epoch, version, answer, reason, document, happened_on, via, received_at, decided_at, outcome, refusal
      FROM matcher.feedback;
CREATE VIEW matcher.outbox_v AS
    SELECT topic, count(*) AS unpublished, min(written_at) AS oldest FROM matcher.outbox WHERE NOT published GROUP BY topic;

-- Who may what ---------------------------------------------------------------------------------------------------
GRANT USAGE ON SCHEMA matcher TO credithub_matcher, credithub_gateway, credithub_notifier, credithub_dashboard;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA matcher TO credithub_matcher;
GRANT DELETE ON matcher.entries, matcher.waiting, matcher.unrouted TO credithub_matcher;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA matcher TO credithub_matcher;
GRANT SELECT ON matcher.entry_states_v, matcher.quarantine_v, matcher.submissions_v, matcher.subjects_v, matcher.identifiers_v, matcher.records_v,
    matcher.cases_v, matcher.waiting_v, matcher.obligations_v, matcher.feedback_v, matcher.outbox_v TO credithub_gateway, credithub_notifier;
GRANT SELECT ON ALL TABLES IN SCHEMA matcher TO credithub_dashboard;
