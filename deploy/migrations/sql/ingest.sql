-- Ingest: what was not archived and why, and the submissions it has seen. Only credithub_ingest writes here.
CREATE SCHEMA ingest AUTHORIZATION credithub_owner;

CREATE TABLE ingest.positions (
    grp text NOT NULL, cluster text NOT NULL, topic text NOT NULL, topic_id text NOT NULL, partition integer NOT NULL,
    position bigint NOT NULL, moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (grp, cluster, topic_id, partition)
);

CREATE TABLE ingest.parked (
    grp text NOT NULL, topic text NOT NULL, partition integer NOT NULL, "offset" bigint NOT NULL,
    key bytea, value bytea, error text NOT NULL, parked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (grp, topic, partition, "offset")
);

CREATE TABLE ingest.submissions (
    submission  text PRIMARY KEY,
    supplier    text NOT NULL,
    source      text NOT NULL,
    form        text NOT NULL CHECK (form IN ('event', 'row')),
    file_name   text,
    file_digest text,
    received_at timestamptz NOT NULL,
    entries     integer            -- unknown (null) for a file whose closing manifest has not come yet
);
CREATE INDEX submissions_by_supplier ON ingest.submissions (supplier, submission DESC);
CREATE INDEX submissions_lately ON ingest.submissions USING brin (received_at) WITH (pages_per_range = 32, autosummarize = on);  -- /ops

CREATE TABLE ingest.quarantine (
    submission     text NOT NULL,
    index          integer NOT NULL,
    "row"          integer,
    source         text NOT NULL,
    id             text NOT NULL,
    digest         text NOT NULL,
    supplier       text NOT NULL,
    item           text,
    form           text NOT NULL,
    received_at    timestamptz NOT NULL,
    quarantined_at timestamptz NOT NULL DEFAULT now(),
    reasons        jsonb NOT NULL,   -- a list of {code, field, value, hint, row}; no person's data
    body           jsonb,            -- the entry as sent, persons' columns dropped; null for a person's row
    PRIMARY KEY (submission, index)
);
CREATE INDEX quarantine_by_entry ON ingest.quarantine (source, id);
CREATE INDEX quarantine_by_supplier ON ingest.quarantine (supplier, quarantined_at);
CREATE INDEX quarantine_lately ON ingest.quarantine USING brin (quarantined_at) WITH (pages_per_range = 32, autosummarize = on);  -- /ops

GRANT USAGE ON SCHEMA ingest TO credithub_ingest, credithub_gateway, credithub_matcher, credithub_dashboard;
GRANT SELECT, INSERT, UPDATE ON ingest.positions TO credithub_ingest;
GRANT SELECT, INSERT ON ingest.parked TO credithub_ingest;
GRANT SELECT, INSERT, UPDATE ON ingest.submissions TO credithub_ingest;
GRANT SELECT, INSERT ON ingest.quarantine TO credithub_ingest;
GRANT SELECT ON ingest.submissions, ingest.quarantine TO credithub_gateway, credithub_matcher;
GRANT SELECT ON ALL TABLES IN SCHEMA ingest TO credithub_dashboard;
