-- The feed's three functions, with the same promises. A burst of ten thousand outruns the statistics, and a plan made for
-- a small table joined the agency's whole queue with itself: half a minute, under its locks. So nothing here is left to
-- estimates: keys are gathered from a range of the index, and every other row is looked up by its own key.
SET LOCAL ROLE credithub_owner;

CREATE OR REPLACE FUNCTION notifier.pull (p_agency text, p_epoch integer, p_ends bigint, p_rest bigint, p_limit integer)
RETURNS TABLE (lane text, number bigint, message text, payload jsonb, kind text, epoch integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS
$$
#variable_conflict use_column
DECLARE
    v_epoch integer;
    v_ends  bigint := 0;
    v_rest  bigint := 0;
    v_limit bigint := greatest(1, least(coalesce(p_limit, 100), 1000));
    v_keys  text[];
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

    v_keys := ARRAY(
        SELECT d.obligation FROM notifier.deliveries AS d WHERE d.agency = p_agency AND d.channel = 'pull'
           AND d.state IN ('due', 'in-flight') AND d.lane = 'ends' AND d.number <= v_ends
        UNION
        SELECT d.obligation FROM notifier.deliveries AS d WHERE d.agency = p_agency AND d.channel = 'pull'
           AND d.state IN ('due', 'in-flight') AND d.lane = 'rest' AND d.number <= v_rest);
    PERFORM 1 FROM notifier.tasks AS t WHERE t.agency = p_agency AND t.obligation = ANY (v_keys)
      ORDER BY t.obligation FOR UPDATE;

    PERFORM notifier.pull_passed(p_agency, v_epoch, p_ends, p_rest);
    PERFORM notifier.pull_begun(p_agency, p_ends, v_ends, p_rest, v_rest);

    RETURN QUERY
    SELECT n.lane, n.number,
           CASE WHEN f.fit THEN n.message END,
           CASE WHEN f.fit THEN n.payload END,
           CASE WHEN f.fit THEN n.kind ELSE 'void' END,
           v_epoch
    FROM (SELECT e.* FROM notifier.notifications AS e
           WHERE e.agency = p_agency AND e.lane = 'ends' AND e.number > p_ends AND e.number <= v_ends
          UNION ALL
          SELECT r.* FROM notifier.notifications AS r
           WHERE r.agency = p_agency AND r.lane = 'rest' AND r.number > p_rest AND r.number <= v_rest) AS n
    LEFT JOIN LATERAL (SELECT d.* FROM notifier.deliveries AS d
        WHERE d.agency = p_agency AND d.message = n.message AND d.channel = 'pull' LIMIT 1) AS d ON true
    LEFT JOIN LATERAL (SELECT t.* FROM notifier.tasks AS t
        WHERE t.agency = p_agency AND t.obligation = d.obligation LIMIT 1) AS t ON true
    CROSS JOIN LATERAL (SELECT coalesce(
        NOT n.void AND d.number = n.number AND d.lane = n.lane AND d.state IN ('in-flight', 'delivered')
        AND (d.obligation IS NULL
             OR NOT t.cancelled AND (d.epoch, d.version) >= (t.seen_epoch, t.seen_version)), false) AS fit) AS f
    ORDER BY n.lane = 'rest', n.number;
END $$;

CREATE OR REPLACE FUNCTION notifier.pull_passed (p_agency text, p_epoch integer, p_ends bigint, p_rest bigint) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS
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
    WHERE t.agency = p_agency AND t.obligation = ANY (ARRAY(SELECT obligation FROM passed)) AND NOT 'pull' = ANY (t.begun);
$$;

CREATE OR REPLACE FUNCTION notifier.pull_begun
    (p_agency text, p_ends bigint, p_to_ends bigint, p_rest bigint, p_to_rest bigint)
RETURNS void LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS
$$
    WITH due AS (
        SELECT d.message, d.obligation, d.epoch, d.version FROM notifier.deliveries AS d
        WHERE d.agency = p_agency AND d.channel = 'pull' AND d.state = 'due'
          AND (d.lane = 'ends' AND d.number > p_ends AND d.number <= p_to_ends
               OR d.lane = 'rest' AND d.number > p_rest AND d.number <= p_to_rest)
    ), fit AS (
        SELECT d.message FROM due AS d
        LEFT JOIN LATERAL (SELECT t.* FROM notifier.tasks AS t
            WHERE t.agency = p_agency AND t.obligation = d.obligation LIMIT 1) AS t ON true
        WHERE d.obligation IS NULL OR NOT t.cancelled AND (d.epoch, d.version) >= (t.seen_epoch, t.seen_version)
    ), begun AS (
        UPDATE notifier.deliveries AS d
        SET state = 'in-flight', attempts = d.attempts + 1, claimed_at = clock_timestamp(),
            claim = replace(gen_random_uuid()::text, '-', '')
        WHERE d.agency = p_agency AND d.channel = 'pull' AND d.message = ANY (ARRAY(SELECT message FROM fit))
          AND d.state = 'due'
        RETURNING d.message, d.obligation, d.claim
    ), noted AS (
        INSERT INTO notifier.attempts (agency, message, id, channel, started_at)
        SELECT p_agency, message, claim, 'pull', clock_timestamp() FROM begun
    )
    UPDATE notifier.tasks AS t SET begun = t.begun || 'pull'::text
    WHERE t.agency = p_agency AND t.obligation = ANY (ARRAY(SELECT obligation FROM begun)) AND NOT 'pull' = ANY (t.begun);
$$;
RESET ROLE;
