-- Schema notifier: what each agency is to be told, on which channels it was tried, and how that ended.
-- Written by credithub_notifier alone, but for pull(), through which the gateway asks on an agency's behalf.
-- Locks are taken in one order everywhere: counters, then tasks, then deliveries, each sorted by key.
-- Tables that grow with events are hash-partitioned by agency: all that is told to one agency lies together.
CREATE SCHEMA notifier AUTHORIZATION credithub_owner;

CREATE TABLE notifier.positions (
    grp       text NOT NULL,
    cluster   text NOT NULL,
    topic     text NOT NULL,
    topic_id  text NOT NULL,
    partition integer NOT NULL,
    position  bigint NOT NULL,
    moved_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (grp, cluster, topic_id, partition)
);

CREATE TABLE notifier.outbox (
    epoch     integer NOT NULL,
    id        bigint GENERATED ALWAYS AS IDENTITY,
    shard     smallint NOT NULL,
    first     boolean NOT NULL DEFAULT false,
    topic     text NOT NULL,
    key       bytea NOT NULL,
    value     bytea NOT NULL,
    published boolean NOT NULL DEFAULT false,
    made_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (epoch, id)
);
CREATE INDEX outbox_unpublished ON notifier.outbox (shard, first DESC, epoch, id) WHERE NOT published;

-- One row an agency: its last pull number on each lane, and the channels its deliveries were last made for.
-- Whoever hands out a number locks this row first, so numbers have no gaps and commit in their order.
CREATE TABLE notifier.counters (
    agency   text PRIMARY KEY,
    ends     bigint NOT NULL DEFAULT 0,
    rest     bigint NOT NULL DEFAULT 0,
    channels text[] NOT NULL DEFAULT '{}'
);

-- The ledger: every notification that ever came for an agency, under its number. A void one is answered empty.
CREATE TABLE notifier.notifications (
    agency      text NOT NULL,
    lane        text NOT NULL CHECK (lane IN ('ends', 'rest')),
    number      bigint NOT NULL,
    message     text NOT NULL,
    obligation  text,
    epoch       integer NOT NULL,
    version     integer NOT NULL,
    kind        text NOT NULL,
    state       text NOT NULL,
    issued_at   timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    payload     jsonb NOT NULL,
    void        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (agency, lane, number)
) PARTITION BY HASH (agency);
CREATE INDEX notifications_by_message ON notifier.notifications (agency, message);
CREATE INDEX notifications_lately ON notifier.notifications USING brin (received_at) WITH (pages_per_range = 32, autosummarize = on);  -- /ops

-- The (agency, obligation) row: the highest version seen, the channels on which an attempt was ever begun, and
-- whether the obligation was cancelled before any (a tombstone that drops what comes later under a lower version).
CREATE TABLE notifier.tasks (
    agency        text NOT NULL,
    obligation    text NOT NULL,
    seen_epoch    integer NOT NULL,
    seen_version  integer NOT NULL,
    begun         text[] NOT NULL DEFAULT '{}',
    cancelled     boolean NOT NULL DEFAULT false,
    old           boolean NOT NULL DEFAULT false,
    above_epoch   integer NOT NULL DEFAULT 0,
    above_version integer NOT NULL DEFAULT 0,
    PRIMARY KEY (agency, obligation)
) PARTITION BY HASH (agency);

-- A notification on one channel. Channel '-' stands for none: dropped, cancelled, or parked until there is one.
-- `obligation` is null where no version fences it (feedback-refused); `claim` names the attempt that is open.
CREATE TABLE notifier.deliveries (
    agency          text NOT NULL,
    message         text NOT NULL,
    channel         text NOT NULL,
    obligation      text,
    epoch           integer NOT NULL,
    version         integer NOT NULL,
    lane            text NOT NULL,
    number          bigint NOT NULL,
    state           text NOT NULL CHECK (state IN
        ('due', 'in-flight', 'delivered', 'failed', 'superseded', 'parked', 'dropped', 'cancelled')),
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    claim           text,
    claimed_at      timestamptz,
    delivered_at    timestamptz,
    last_error      text,
    made_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (agency, message, channel)
) PARTITION BY HASH (agency);
CREATE INDEX deliveries_ready ON notifier.deliveries (agency, lane, next_attempt_at)
    WHERE state IN ('due', 'failed') AND channel <> 'pull';
CREATE INDEX deliveries_unsettled ON notifier.deliveries (agency, obligation)
    WHERE state IN ('due', 'failed', 'in-flight', 'parked');
CREATE INDEX deliveries_open ON notifier.deliveries (claimed_at)
    WHERE state = 'in-flight' AND channel <> 'pull';
CREATE INDEX deliveries_asked_for ON notifier.deliveries (agency, lane, number)
    WHERE state IN ('due', 'in-flight') AND channel = 'pull';
CREATE INDEX deliveries_lately ON notifier.deliveries USING brin (delivered_at) WITH (pages_per_range = 32, autosummarize = on);  -- /ops

-- Each try, and how it ended: two logs that only grow. An attempt without outcome is open, or was cut short.
CREATE TABLE notifier.attempts (
    agency     text NOT NULL,
    message    text NOT NULL,
    id         text NOT NULL,
    channel    text NOT NULL,
    started_at timestamptz NOT NULL,
    PRIMARY KEY (agency, message, id)
) PARTITION BY HASH (agency);
CREATE TABLE notifier.outcomes (
    agency      text NOT NULL,
    message     text NOT NULL,
    attempt     text NOT NULL,
    finished_at timestamptz NOT NULL,
    outcome     text NOT NULL CHECK (outcome IN ('delivered', 'failed', 'unknown', 'refused')),
    detail      text,
    PRIMARY KEY (agency, message, attempt)
) PARTITION BY HASH (agency);

DO $$
BEGIN
    FOR part IN 0..7 LOOP
        EXECUTE format('CREATE TABLE notifier.notifications_%s PARTITION OF notifier.notifications FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
        EXECUTE format('CREATE TABLE notifier.tasks_%s PARTITION OF notifier.tasks FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
        EXECUTE format('CREATE TABLE notifier.deliveries_%s PARTITION OF notifier.deliveries FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
        EXECUTE format('CREATE TABLE notifier.attempts_%s PARTITION OF notifier.attempts FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
        EXECUTE format('CREATE TABLE notifier.outcomes_%s PARTITION OF notifier.outcomes FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
    END LOOP;
END $$;

-- A record that a bug of ours could not handle. It stalls nobody and is not silently gone.
CREATE TABLE notifier.parked (
    grp       text NOT NULL,
    topic     text NOT NULL,
    partition integer NOT NULL,
    "offset"  bigint NOT NULL,
    key       bytea,
    value     bytea,
    error     text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (grp, topic, partition, "offset")
);

-- What the reconciler has done in Kafka: the account it last made for an agency, and what still differs.
CREATE TABLE notifier.kafka_users (
    agency      text PRIMARY KEY,
    username    text NOT NULL,
    fingerprint text NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE notifier.drift (
    agency   text NOT NULL,
    thing    text NOT NULL,
    wanted   text NOT NULL,
    found    text NOT NULL,
    since    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (agency, thing)
);

CREATE TABLE notifier.last_errors (
    task  text PRIMARY KEY,
    error text NOT NULL,
    at    timestamptz NOT NULL DEFAULT now()
);

CREATE VIEW notifier.notifications_v AS
    SELECT agency, lane, number, epoch, message, obligation, version, kind, state, issued_at, payload, void, received_at
    FROM notifier.notifications;

CREATE VIEW notifier.deliveries_v AS
    SELECT message, agency, obligation, epoch, version, channel, state, attempts,
           CASE WHEN state IN ('due', 'failed') AND channel <> 'pull' THEN next_attempt_at END AS next_attempt_at,
           delivered_at, last_error, made_at
    FROM notifier.deliveries;

CREATE VIEW notifier.attempts_v AS
    SELECT a.message, a.channel, a.started_at, o.finished_at, o.outcome, o.detail, a.agency
    FROM notifier.attempts AS a
    LEFT JOIN notifier.outcomes AS o ON o.agency = a.agency AND o.message = a.message AND o.attempt = a.id;

CREATE VIEW notifier.drift_v AS SELECT agency, thing, wanted, found, since FROM notifier.drift;

CREATE VIEW notifier.last_errors_v AS SELECT task, error, at FROM notifier.last_errors;

-- What an agency asks for after the cursor (p_epoch, p_ends, p_rest), ends first, each lane without a gap. A null
-- epoch is a reader without a cursor. Every answer is an attempt, written down before the caller sends it: the caller
-- commits, then answers. What the cursor has passed is delivered. An answer that is not, or no longer, to be told is
-- void: number only. A cursor of another epoch, or ahead of us, yields the single row of lane 'resync': begin again.
CREATE FUNCTION notifier.pull (p_agency text, p_epoch integer, p_ends bigint, p_rest bigint, p_limit integer)
RETURNS TABLE (lane text, number bigint, message text, payload jsonb, kind text, epoch integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
#variable_conflict use_column
DECLARE
    v_epoch integer;
    v_ends  bigint := 0;
    v_rest  bigint := 0;
    v_limit bigint := greatest(1, least(coalesce(p_limit, 100), 1000));
BEGIN
    SELECT h.epoch INTO STRICT v_epoch FROM hub.epoch AS h;
    SELECT c.ends, c.rest INTO v_ends, v_rest FROM notifier.counters AS c WHERE c.agency = p_agency;
    v_ends := coalesce(v_ends, 0);
    v_rest := coalesce(v_rest, 0);
    IF coalesce(p_epoch, v_epoch) <> v_epoch OR p_ends > v_ends OR p_rest > v_rest OR p_ends < 0 OR p_rest < 0 THEN
        RETURN QUERY SELECT 'resync', 0::bigint, NULL::text, NULL::jsonb, 'resync', v_epoch;
        RETURN;
    END IF;
    v_ends := least(v_ends, p_ends + v_limit);
    v_rest := least(v_rest, p_rest + v_limit - (v_ends - p_ends));

    PERFORM 1 FROM notifier.tasks AS t
    WHERE t.agency = p_agency AND t.obligation IN (
        SELECT d.obligation FROM notifier.deliveries AS d
        WHERE d.agency = p_agency AND d.channel = 'pull' AND d.state IN ('due', 'in-flight')
          AND (d.lane = 'ends' AND d.number <= v_ends OR d.lane = 'rest' AND d.number <= v_rest))
    ORDER BY t.obligation FOR UPDATE;

    PERFORM notifier.pull_passed(p_agency, v_epoch, p_ends, p_rest);
    PERFORM notifier.pull_begun(p_agency, p_ends, v_ends, p_rest, v_rest);

    RETURN QUERY
    SELECT n.lane, n.number,
           CASE WHEN f.fit THEN n.message END,
           CASE WHEN f.fit THEN n.payload END,
           CASE WHEN f.fit THEN n.kind ELSE 'void' END,
           v_epoch
    FROM notifier.notifications AS n
    LEFT JOIN notifier.deliveries AS d ON d.agency = n.agency AND d.message = n.message AND d.channel = 'pull'
    LEFT JOIN notifier.tasks AS t ON t.agency = d.agency AND t.obligation = d.obligation
    CROSS JOIN LATERAL (SELECT coalesce(
        NOT n.void AND d.number = n.number AND d.lane = n.lane AND d.state IN ('in-flight', 'delivered')
        AND (d.obligation IS NULL
             OR NOT t.cancelled AND (d.epoch, d.version) >= (t.seen_epoch, t.seen_version)), false) AS fit) AS f
    WHERE n.agency = p_agency
      AND (n.lane = 'ends' AND n.number > p_ends AND n.number <= v_ends
           OR n.lane = 'rest' AND n.number > p_rest AND n.number <= v_rest)
    ORDER BY n.lane = 'rest', n.number;
END $$;

-- What lies at or before the cursor has arrived, and the matcher is told so. The caller holds the tasks' locks.
CREATE FUNCTION notifier.pull_passed (p_agency text, p_epoch integer, p_ends bigint, p_rest bigint) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS
$$
    WITH passed AS (
        UPDATE notifier.deliveries AS d
        SET state = 'delivered', delivered_at = clock_timestamp(), attempts = greatest(d.attempts, 1)
        WHERE d.agency = p_agency AND d.channel = 'pull' AND d.state IN ('due', 'in-flight')
          AND (d.lane = 'ends' AND d.number <= p_ends OR d.lane = 'rest' AND d.number <= p_rest)
        RETURNING d.message, d.obligation, d.epoch, d.version, d.claim AS attempt
    ), noted AS (
        INSERT INTO notifier.outcomes (agency, message, attempt, finished_at, outcome, detail)
        SELECT p_agency, message, attempt, clock_timestamp(), 'delivered', 'asked for a later cursor'
        FROM passed WHERE attempt IS NOT NULL ON CONFLICT DO NOTHING
    ), told AS (
        INSERT INTO notifier.outbox (epoch, shard, topic, key, value)
        SELECT p_epoch, abs(hashtext(obligation) % 8), 'credit.deliveries', convert_to(obligation, 'UTF8'),
               convert_to(jsonb_build_object(
                   'agency', p_agency, 'obligation', obligation, 'epoch', epoch, 'version', version,
                   'outcome', 'delivered', 'channel', 'pull',
                   'at', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text, 'UTF8')
        FROM passed WHERE message = obligation || '.' || epoch || '.' || version
    )
    UPDATE notifier.tasks AS t SET begun = t.begun || 'pull'::text
    WHERE t.agency = p_agency AND t.obligation IN (SELECT obligation FROM passed) AND NOT 'pull' = ANY (t.begun);
$$;

-- What is answered now, for the first time, is begun. The caller holds the tasks' locks.
CREATE FUNCTION notifier.pull_begun (p_agency text, p_ends bigint, p_to_ends bigint, p_rest bigint, p_to_rest bigint)
RETURNS void LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS
$$
    WITH fit AS (
        SELECT d.message FROM notifier.deliveries AS d
        LEFT JOIN notifier.tasks AS t ON t.agency = d.agency AND t.obligation = d.obligation
        WHERE d.agency = p_agency AND d.channel = 'pull' AND d.state = 'due'
          AND (d.lane = 'ends' AND d.number > p_ends AND d.number <= p_to_ends
               OR d.lane = 'rest' AND d.number > p_rest AND d.number <= p_to_rest)
          AND (d.obligation IS NULL
               OR NOT t.cancelled AND (d.epoch, d.version) >= (t.seen_epoch, t.seen_version))
    ), begun AS (
        UPDATE notifier.deliveries AS d
        SET state = 'in-flight', attempts = d.attempts + 1, claimed_at = clock_timestamp(),
            claim = replace(gen_random_uuid()::text, '-', '')
        FROM fit WHERE d.agency = p_agency AND d.channel = 'pull' AND d.message = fit.message AND d.state = 'due'
        RETURNING d.message, d.obligation, d.claim
    ), noted AS (
        INSERT INTO notifier.attempts (agency, message, id, channel, started_at)
        SELECT p_agency, message, claim, 'pull', clock_timestamp() FROM begun
    )
    UPDATE notifier.tasks AS t SET begun = t.begun || 'pull'::text
    WHERE t.agency = p_agency AND t.obligation IN (SELECT obligation FROM begun) AND NOT 'pull' = ANY (t.begun);
$$;
REVOKE ALL ON FUNCTION notifier.pull_passed (text, integer, bigint, bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION notifier.pull_begun (text, bigint, bigint, bigint, bigint) FROM PUBLIC;

-- The notifier's own role: the logs only grow, and nothing but what the reconciler keeps can be deleted.
GRANT USAGE ON SCHEMA notifier TO credithub_notifier;
GRANT SELECT, INSERT, UPDATE ON
    notifier.positions, notifier.outbox, notifier.counters, notifier.tasks, notifier.deliveries, notifier.last_errors
TO credithub_notifier;
GRANT SELECT, INSERT, UPDATE (void) ON notifier.notifications TO credithub_notifier;
GRANT SELECT, INSERT ON notifier.attempts, notifier.outcomes, notifier.parked TO credithub_notifier;
GRANT SELECT, INSERT, UPDATE, DELETE ON notifier.kafka_users, notifier.drift TO credithub_notifier;
GRANT SELECT ON notifier.drift_v, notifier.last_errors_v, notifier.deliveries_v TO credithub_notifier;
