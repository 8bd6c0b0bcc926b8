-- Keeping: what the processes must know after a restore, and what may be removed once it is settled. Additive.
-- The schema hub is written by `credithub restore` alone, as the owner; services report through two functions.
SET LOCAL ROLE credithub_owner;

-- One row a restore. What came in after the dump is in Kafka and is read again: until then much is unknown.
CREATE TABLE hub.restores (
    epoch        integer PRIMARY KEY CHECK (epoch > 1),   -- the one that it raised
    at           timestamptz NOT NULL DEFAULT now(),
    from_dump    text NOT NULL,                           -- SHA-256 of the dump
    dumped_at    timestamptz NOT NULL,
    same_kafka   boolean NOT NULL,                        -- false: another cluster, so nothing since the dump can be found in it
    gap          jsonb NOT NULL DEFAULT '[]',             -- what Kafka no longer had: [{grp, topic, partition, from, to}]
    caught_up_at timestamptz,                             -- all that Kafka held at the restore has been read
    settled_at   timestamptz                              -- what had to be issued again is, and the clock has caught up
);

-- How far each reader must come: the end of its partition when the database was restored.
CREATE TABLE hub.restore_targets (
    epoch     integer NOT NULL REFERENCES hub.restores,
    service   text NOT NULL,
    grp       text NOT NULL,
    cluster   text NOT NULL,
    topic     text NOT NULL,
    topic_id  text NOT NULL,
    partition integer NOT NULL,
    target    bigint NOT NULL,
    PRIMARY KEY (epoch, grp, topic, partition)
);

-- What agencies were told after the dump, as the notification topics say: the newest version of each obligation that
-- the restored database does not know.
CREATE TABLE hub.restore_findings (
    epoch         integer NOT NULL REFERENCES hub.restores,
    agency        text NOT NULL,
    obligation    text NOT NULL,
    found_epoch   integer NOT NULL,
    found_version integer NOT NULL,
    state         text NOT NULL,
    PRIMARY KEY (epoch, agency, obligation)
);

-- No row: nothing is being caught up with. With the owner's rights: it reads every service's positions.
CREATE VIEW hub.catching_up_v AS
    SELECT r.epoch, r.at, r.dumped_at, r.caught_up_at, coalesce(sum(greatest(t.target - coalesce(p.position, 0), 0)), 0)::bigint AS behind
      FROM hub.restores r
      LEFT JOIN hub.restore_targets t ON t.epoch = r.epoch
      LEFT JOIN (SELECT 'ingest' AS service, grp, cluster, topic_id, partition, position FROM ingest.positions
                 UNION ALL SELECT 'matcher', grp, cluster, topic_id, partition, position FROM matcher.positions
                 UNION ALL SELECT 'notifier', grp, cluster, topic_id, partition, position FROM notifier.positions) p
        ON p.service = t.service AND p.grp = t.grp AND p.cluster = t.cluster AND p.topic_id = t.topic_id AND p.partition = t.partition
     WHERE r.settled_at IS NULL
     GROUP BY r.epoch;

-- What the matcher says when it finds it so. True: nothing is left to be read again.
CREATE FUNCTION hub.note_caught_up () RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
    UPDATE hub.restores AS r SET caught_up_at = clock_timestamp()
     WHERE r.caught_up_at IS NULL AND EXISTS (SELECT FROM hub.catching_up_v AS c WHERE c.epoch = r.epoch AND c.behind = 0);
    SELECT NOT EXISTS (SELECT FROM hub.restores WHERE caught_up_at IS NULL);
$$;
CREATE FUNCTION hub.note_settled () RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
    UPDATE hub.restores SET settled_at = clock_timestamp() WHERE caught_up_at IS NOT NULL AND settled_at IS NULL;
$$;
REVOKE ALL ON FUNCTION hub.note_caught_up () FROM PUBLIC;
REVOKE ALL ON FUNCTION hub.note_settled () FROM PUBLIC;

-- Evidence: an agency was told a version that the matcher's table has not reached (interleavings 36).
CREATE INDEX tasks_above ON notifier.tasks (obligation) WHERE above_epoch > 0;
CREATE VIEW notifier.evidence_v AS
    SELECT agency, obligation, above_epoch, above_version FROM notifier.tasks WHERE above_epoch > 0;

-- What an agency may hold and no obligation stands for, once all is caught up.
CREATE VIEW hub.orphans_v AS
    SELECT e.agency, e.obligation, e.above_epoch AS epoch, e.above_version AS version FROM notifier.evidence_v e
     WHERE NOT EXISTS (SELECT FROM matcher.obligations o WHERE o.obligation = e.obligation);

-- Of an older epoch an attempt may have been begun and forgotten, so it counts as one (interleavings 36).
CREATE OR REPLACE VIEW hub.still_holding_v AS
    SELECT o.obligation, o.case_id, o.organisation_code, o.record, o.item, o.measure, o.department, o.agency, o.epoch, o.version,
           CASE WHEN o.state = 'lifting' THEN 'lifting' ELSE 'suspended' END AS state,
           CASE WHEN o.state = 'lifting' THEN o.ended_at ELSE o.suspended_at END AS since,
           o.reminded, o.lift_reason AS reason
      FROM matcher.obligations o
      JOIN notifier.tasks t ON t.agency = o.agency AND t.obligation = o.obligation
     WHERE (o.state = 'lifting' OR o.suspended AND NOT o.confirmed AND o.state NOT IN ('lifted', 'cancelled'))
       AND NOT t.cancelled AND (t.begun <> '{}' OR t.old OR t.seen_epoch < (SELECT e.epoch FROM hub.epoch e));

-- What came before revision 0002 falls due and is counted like all else.
INSERT INTO matcher.moments (organisation_code, kind, ref, fires_on)
    SELECT organisation_code, 'answer-due', obligation, due_on + 1 FROM matcher.obligations
     WHERE mandatory AND due_on IS NOT NULL AND NOT suspended AND state IN ('triggered', 'delivered', 'acknowledged')
    UNION ALL
    SELECT organisation_code, 'remind', obligation, current_date + 1 FROM matcher.obligations WHERE state = 'lifting'
    ON CONFLICT DO NOTHING;
UPDATE matcher.obligations o
   SET acknowledged_at = coalesce(o.acknowledged_at, f.acknowledged), executed_at = coalesce(o.executed_at, f.executed),
       declined_at = coalesce(o.declined_at, f.declined), lifted_at = CASE WHEN o.state = 'lifted' THEN coalesce(o.lifted_at, f.confirmed) END
  FROM (SELECT obligation, min(received_at) FILTER (WHERE answer = 'acknowledged') AS acknowledged,
               min(received_at) FILTER (WHERE answer = 'executed') AS executed,
               min(received_at) FILTER (WHERE answer = 'declined') AS declined,
               max(received_at) FILTER (WHERE answer = 'lift-confirmed') AS confirmed
          FROM matcher.feedback WHERE outcome = 'accepted' GROUP BY obligation) f
 WHERE f.obligation = o.obligation;
UPDATE matcher.obligations o SET delivered_at = d.at
  FROM (SELECT obligation, min(delivered_at) AS at FROM notifier.deliveries WHERE state = 'delivered' GROUP BY obligation) d
 WHERE d.obligation = o.obligation AND o.delivered_at IS NULL;

-- Retention: the oldest are found by their place on disk, the conditions stand in credithub/db/retention.py.
CREATE INDEX outbox_by_age ON matcher.outbox USING brin (written_at) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX outbox_by_age ON notifier.outbox USING brin (made_at) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX deliveries_by_age ON notifier.deliveries USING brin (made_at) WITH (pages_per_range = 32, autosummarize = on);
GRANT UPDATE (body) ON ingest.quarantine TO credithub_ingest;
GRANT DELETE ON matcher.outbox, matcher.repeats_seen, matcher.feedback TO credithub_matcher;
GRANT DELETE ON notifier.outbox, notifier.deliveries, notifier.attempts, notifier.outcomes TO credithub_notifier;
RESET ROLE;
