-- The life of a record: why it is suspended, who objected, what was applied for, what falls due, whom it belongs to now.
-- Only credithub_matcher writes here. Additive: an existing data folder is brought up in place.
SET LOCAL ROLE credithub_owner;

ALTER TABLE matcher.records DROP CONSTRAINT records_state_check;
ALTER TABLE matcher.records ADD CONSTRAINT records_state_check
    CHECK (state IN ('active', 'withdrawn', 'repaired', 'expired', 'removed', 'deleted'));
ALTER TABLE matcher.records
    ADD COLUMN severity        text CHECK (severity IN ('slight', 'general', 'serious')),
    ADD COLUMN disputed        boolean NOT NULL DEFAULT false,   -- an objection is open
    ADD COLUMN shielded        boolean NOT NULL DEFAULT false,   -- neither shown nor used for the time being
    ADD COLUMN in_conflict     boolean NOT NULL DEFAULT false,   -- two sources say different things of it
    ADD COLUMN tolerated       text,                             -- ground on which no measure, or no display, follows
    ADD COLUMN notes           jsonb NOT NULL DEFAULT '[]',      -- [{kind, text, at, by}]
    ADD COLUMN display_rule    text,                             -- period of the catalogue version that it entered under
    ADD COLUMN display_until   date,                             -- last day; null: as long as it is in force
    ADD COLUMN repairable_from date,                             -- first day on which repair may be granted
    ADD COLUMN term_until      date,                             -- a listing's last day
    ADD COLUMN end_reason      jsonb;                            -- {code, text_zh, text_en, document}

-- What a record was at each moment: one row a change, so that a past moment can be read (as_of).
CREATE TABLE matcher.record_changes (
    organisation_code text NOT NULL,
    record            text NOT NULL,
    n                 bigint NOT NULL,              -- subject_seq of the event that did it; the clock's: the seq it found
    at                timestamptz NOT NULL,         -- when it was received, or fell due
    change            text NOT NULL,                -- entered, corrected, withdrawn, annotated, disputed, settled, shielded, …
    source            text, id text,                -- the entry that did it; null: the clock
    version           integer NOT NULL,
    state             text NOT NULL,
    disputed          boolean NOT NULL,
    shielded          boolean NOT NULL,
    reason            jsonb,
    written_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_code, record, n, change)
) PARTITION BY HASH (organisation_code);

-- Why a record is suspended: a set, not a flag (interleavings 27). Closed before it was opened: opened_at is null.
CREATE TABLE matcher.holds (
    organisation_code text NOT NULL, record text NOT NULL, hold text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('objection', 'shielding')),
    opened_at timestamptz, closed_at timestamptz, ground text, outcome text, until date,
    PRIMARY KEY (organisation_code, record, kind, hold)
) PARTITION BY HASH (organisation_code);

CREATE TABLE matcher.objections (
    organisation_code text NOT NULL, objection text NOT NULL, record text NOT NULL,
    by text NOT NULL CHECK (by IN ('subject', 'agency')), filed_by text NOT NULL,   -- supplier of the event
    ground text NOT NULL, statement text NOT NULL, document jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'upheld-corrected', 'upheld-withdrawn', 'refused', 'withdrawn-by-filer')),
    opened_at timestamptz NOT NULL,
    determining text NOT NULL,                                                     -- who determined the record and verifies
    supplier_due_on date, supplier_finding text, supplier_statement text, supplier_at timestamptz,
    collector_due_on date, collector_finding text, collector_statement text, collector_at timestamptz,
    escalated text[] NOT NULL DEFAULT '{}',                                        -- which of the two is late
    closed_at timestamptz, reason text,
    PRIMARY KEY (organisation_code, objection)
) PARTITION BY HASH (organisation_code);

CREATE TABLE matcher.repairs (
    organisation_code text NOT NULL, repair text NOT NULL, record text NOT NULL,
    filed_by text NOT NULL, determining text NOT NULL, statement text,
    commitment boolean NOT NULL, duty_done_on date, duty_document text, document jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('applied', 'granted', 'refused', 'overtaken')),
    applied_at timestamptz NOT NULL, due_on date, escalated boolean NOT NULL DEFAULT false,
    decided_at timestamptz, reason text, citation jsonb,
    PRIMARY KEY (organisation_code, repair)
) PARTITION BY HASH (organisation_code);

-- The same fact from another source: a witness, or a conflict to settle (law 2).
CREATE TABLE matcher.witnesses (
    organisation_code text NOT NULL, record text NOT NULL, supplier text NOT NULL,
    source text NOT NULL, id text NOT NULL, content text NOT NULL, agrees boolean NOT NULL,
    document jsonb NOT NULL, data jsonb NOT NULL, seen_at timestamptz NOT NULL,
    settled_at timestamptz, settled_by text,
    PRIMARY KEY (organisation_code, record, supplier)
) PARTITION BY HASH (organisation_code);

-- Notice given before a listing (国办发〔2020〕49号 四(八)).
CREATE TABLE matcher.notices (
    organisation_code text NOT NULL, list_type text NOT NULL, number text NOT NULL, issuer text NOT NULL,
    given_on date NOT NULL, open_from date NOT NULL,      -- the waiting time is over on this day
    source text NOT NULL, id text NOT NULL,
    PRIMARY KEY (organisation_code, list_type, number, issuer)
) PARTITION BY HASH (organisation_code);

-- The one queue of due moments.
CREATE TABLE matcher.moments (
    organisation_code text NOT NULL,
    kind              text NOT NULL CHECK (kind IN ('display-ends', 'term-ends', 'measure-ends', 'answer-due', 'escalate',
                          'remind', 'verify-due', 'repair-due', 'shield-ends')),
    ref               text NOT NULL,                      -- what falls due: record, obligation, objection|who, repair, hold
    fires_on          date NOT NULL,                      -- the first day on which it is due
    made_at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_code, kind, ref)
) PARTITION BY HASH (organisation_code);
CREATE INDEX moments_due ON matcher.moments (fires_on);

-- Codes that belong together: a subject re-coded, merged, split. Reverted by setting reverted_at.
CREATE TABLE matcher.subject_links (
    from_code text NOT NULL, to_code text NOT NULL, kind text NOT NULL CHECK (kind IN ('recoded', 'merged', 'split')),
    effective_on date NOT NULL, record text NOT NULL, linked_at timestamptz NOT NULL DEFAULT now(),
    reverted_at timestamptz, reverted_by text,
    PRIMARY KEY (from_code, to_code, kind)
);
CREATE INDEX subject_links_to ON matcher.subject_links (to_code);

-- A case beyond its own seat: the regions asked, and what each said.
CREATE TABLE matcher.scopes (
    organisation_code text NOT NULL, case_id text NOT NULL, division text NOT NULL,
    state text NOT NULL CHECK (state IN ('asked', 'accepted', 'declined')),
    initiated_by text NOT NULL, reason text NOT NULL, asked_at timestamptz NOT NULL,
    answered_by text, answer_reason text, answered_at timestamptz,
    PRIMARY KEY (organisation_code, case_id, division)
) PARTITION BY HASH (organisation_code);

ALTER TABLE matcher.obligations
    ADD COLUMN overdue         boolean NOT NULL DEFAULT false,
    ADD COLUMN confirmed       boolean NOT NULL DEFAULT false,   -- its agency confirmed the suspension or lift at this version
    ADD COLUMN suspended_at    timestamptz,
    ADD COLUMN delivered_at    timestamptz,
    ADD COLUMN acknowledged_at timestamptz,
    ADD COLUMN executed_at     timestamptz,
    ADD COLUMN declined_at     timestamptz,
    ADD COLUMN lifted_at       timestamptz,
    ADD COLUMN reminded        integer NOT NULL DEFAULT 0,
    ADD COLUMN escalated       integer NOT NULL DEFAULT 0,
    ADD COLUMN term_until      date,
    ADD COLUMN lift_reason     jsonb,
    ADD COLUMN scope           text;                             -- division of the region that accepted; null: by the seat

DO $$
DECLARE of_subject text;
BEGIN
    FOREACH of_subject IN ARRAY ARRAY['record_changes', 'holds', 'objections', 'repairs', 'witnesses', 'notices', 'moments', 'scopes'] LOOP
        FOR part IN 0..7 LOOP
            EXECUTE format('CREATE TABLE matcher.%s_%s PARTITION OF matcher.%s FOR VALUES WITH (MODULUS 8, REMAINDER %s)',
                           of_subject, part, of_subject, part);
        END LOOP;
    END LOOP;
END $$;
CREATE INDEX obligations_overdue ON matcher.obligations (agency) WHERE overdue;
CREATE INDEX objections_open ON matcher.objections (determining) WHERE state = 'open';
CREATE INDEX objections_by_record ON matcher.objections (organisation_code, record);
CREATE INDEX objections_by_number ON matcher.objections (objection);
CREATE INDEX repairs_open ON matcher.repairs (determining) WHERE state = 'applied';
CREATE INDEX repairs_by_record ON matcher.repairs (organisation_code, record);
CREATE INDEX repairs_by_number ON matcher.repairs (repair);
CREATE INDEX records_by_id ON matcher.records (record);
CREATE INDEX witnesses_open ON matcher.witnesses (organisation_code, record) WHERE NOT agrees AND settled_at IS NULL;

-- What others read -----------------------------------------------------------------------------------------------
CREATE OR REPLACE VIEW matcher.records_v AS
    SELECT record, organisation_code, item, kind, state, version, document, data, issuer, folded_number, supplier, source, id,
           catalogue, decided_on, archived_at, ended_at, ended_by, seq AS subject_seq,
           severity, disputed, shielded, in_conflict, tolerated, notes, display_rule, display_until, repairable_from, term_until,
           end_reason
      FROM matcher.records;
CREATE OR REPLACE VIEW matcher.obligations_v AS
    SELECT obligation, case_id, record, organisation_code, item, measure, agency, department, round, epoch, version, state,
           suspended, due_on, mandatory, answer, answered_at, reason, catalogue, explain AS clause, explain ->> 'rule' AS rule,
           created_at, updated_at,
           (state = 'lifting' OR suspended AND NOT confirmed AND state NOT IN ('lifted', 'cancelled')) AS still_holding,
           CASE WHEN state = 'lifting' THEN ended_at
                WHEN suspended AND NOT confirmed AND state NOT IN ('lifted', 'cancelled') THEN suspended_at END AS holding_since,
           overdue, confirmed, executed, suspended_at, delivered_at, acknowledged_at, executed_at, declined_at, ended_at, lifted_at,
           reminded, escalated, term_until, lift_reason, scope
      FROM matcher.obligations
    UNION ALL
    SELECT NULL, case_id, record, organisation_code, item, measure, NULL, department, 1, NULL, NULL, 'unrouted',
           false, NULL, NULL, NULL, NULL, NULL, catalogue, '{}'::jsonb, NULL, since, since, false, NULL,
           false, false, false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, NULL
      FROM matcher.unrouted;
CREATE VIEW matcher.record_versions_v AS
    SELECT organisation_code, record, version, document, data, source, id, archived_at, replaced_at FROM matcher.record_versions;
CREATE VIEW matcher.record_changes_v AS
    SELECT organisation_code, record, n, at, change, source, id, version, state, disputed, shielded, reason FROM matcher.record_changes;
CREATE VIEW matcher.holds_v AS SELECT * FROM matcher.holds;
CREATE VIEW matcher.objections_v AS SELECT * FROM matcher.objections;
CREATE VIEW matcher.repairs_v AS SELECT * FROM matcher.repairs;
CREATE VIEW matcher.witnesses_v AS SELECT * FROM matcher.witnesses;
CREATE VIEW matcher.notices_v AS SELECT * FROM matcher.notices;
CREATE VIEW matcher.moments_v AS SELECT * FROM matcher.moments;
CREATE VIEW matcher.subject_links_v AS SELECT * FROM matcher.subject_links;
CREATE VIEW matcher.scopes_v AS SELECT * FROM matcher.scopes;

-- An agency still holds what it was, or may have been, told to do, until it confirms that it has let go.
-- Read with the owner's rights: it joins what the matcher knows with what the notifier has begun.
CREATE VIEW hub.still_holding_v AS
    SELECT o.obligation, o.case_id, o.organisation_code, o.record, o.item, o.measure, o.department, o.agency, o.epoch, o.version,
           CASE WHEN o.state = 'lifting' THEN 'lifting' ELSE 'suspended' END AS state,
           CASE WHEN o.state = 'lifting' THEN o.ended_at ELSE o.suspended_at END AS since,
           o.reminded, o.lift_reason AS reason
      FROM matcher.obligations o
      JOIN notifier.tasks t ON t.agency = o.agency AND t.obligation = o.obligation
     WHERE (o.state = 'lifting' OR o.suspended AND NOT o.confirmed AND o.state NOT IN ('lifted', 'cancelled'))
       AND NOT t.cancelled AND (t.begun <> '{}' OR t.old);

-- Who may what ---------------------------------------------------------------------------------------------------
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA matcher TO credithub_matcher;
GRANT DELETE ON matcher.moments TO credithub_matcher;
RESET ROLE;
