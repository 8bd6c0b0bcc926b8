-- What the doors of a record's life read: who waits under a name alone, what agencies did in a period, and the four
-- violations that 国办发〔2020〕49号 九 holds a department to account for. Views read with their owner's rights.
SET LOCAL ROLE credithub_owner;

-- What the gateway turned away before anything was kept of it: so many a day, supplier, item and code.
CREATE TABLE gateway.refusals (
    on_date date NOT NULL, supplier text NOT NULL, item text NOT NULL, code text NOT NULL, number bigint NOT NULL,
    PRIMARY KEY (on_date, supplier, item, code)
);
GRANT SELECT, INSERT, UPDATE (number) ON gateway.refusals TO credithub_gateway;

-- Names ------------------------------------------------------------------------------------------------------------
-- Names of subjects, folded and in pairs of neighbouring characters, so that a like one is found. Filled by the gateway
-- while a name waits to be confirmed, and only then: keying a subject costs the matcher nothing.
CREATE TABLE gateway.names (
    organisation_code text PRIMARY KEY, name text NOT NULL, folded text NOT NULL, pairs text[] NOT NULL
);
CREATE INDEX names_by_folded ON gateway.names (folded);
CREATE INDEX names_by_pairs ON gateway.names USING gin (pairs);
GRANT SELECT, INSERT, UPDATE ON gateway.names TO credithub_gateway;

-- Entries that wait under a name alone: only a person can say who is meant.
CREATE VIEW hub.name_waiting_v AS
    SELECT w.source, w.id, w.since, substr(w.awaits, 6) AS folded, w.event ->> 'name' AS name, w.event ->> 'kind' AS kind,
           w.event -> 'document' AS document, coalesce(w.event -> 'legacy', '[]') AS identifiers,
           e.item, e.supplier, e.submission, e.index, e."row", e.received_at
      FROM (SELECT source, id, since, awaits, convert_from(event, 'UTF8')::jsonb AS event
              FROM matcher.waiting WHERE starts_with(awaits, 'name:') AND event <> '') AS w
      JOIN matcher.entries e ON e.source = w.source AND e.id = w.id;

-- Accounting -------------------------------------------------------------------------------------------------------
CREATE FUNCTION hub.level_of (p_division text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN p_division IS NULL THEN NULL WHEN p_division = '000000' THEN 'nation'
               WHEN p_division LIKE '__0000' THEN 'province' WHEN p_division LIKE '____00' THEN 'city' ELSE 'county' END $$;

CREATE VIEW hub.accounting_v AS
    SELECT o.obligation, o.item, o.measure, o.department, o.agency, a.division AS region, hub.level_of(a.division) AS level,
           r.supplier AS provider, (o.created_at AT TIME ZONE 'Asia/Shanghai')::date AS on_date,
           o.delivered_at IS NOT NULL OR o.state IN ('delivered', 'acknowledged', 'executed', 'declined') AS delivered,
           o.acknowledged_at IS NOT NULL OR o.state = 'acknowledged' AS acknowledged,
           o.executed OR o.executed_at IS NOT NULL OR o.state = 'executed' AS executed,
           o.declined_at IS NOT NULL OR o.state = 'declined' AS declined,
           o.overdue, o.suspended AND o.state NOT IN ('lifting', 'lifted', 'cancelled') AS suspended,
           o.state = 'lifted' AS lifted, o.state = 'cancelled' AS cancelled, h.obligation IS NOT NULL AS still_holding,
           extract(epoch FROM o.delivered_at - o.created_at) / 3600 AS hours_to_deliver,
           extract(epoch FROM o.acknowledged_at - o.created_at) / 3600 AS hours_to_acknowledge,
           extract(epoch FROM o.executed_at - o.created_at) / 3600 AS hours_to_execute,
           extract(epoch FROM o.declined_at - o.created_at) / 3600 AS hours_to_decline,
           extract(epoch FROM o.lifted_at - o.ended_at) / 3600 AS hours_to_lift
      FROM matcher.obligations o
      LEFT JOIN matcher.records r ON r.organisation_code = o.organisation_code AND r.record = o.record
      LEFT JOIN gateway.agencies a ON a.id = o.agency
      LEFT JOIN hub.still_holding_v h ON h.organisation_code = o.organisation_code AND h.obligation = o.obligation;

-- Working days after `p_from` up to and with `p_to`, by a catalogue's calendar; where the table ends, Monday to Friday.
CREATE FUNCTION hub.working_days (p_from date, p_to date, p_calendar jsonb) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT count(*) FROM generate_series(p_from + 1, p_to, interval '1 day') AS g, LATERAL (SELECT to_jsonb(g::date)) AS d (day)
    WHERE jsonb_path_exists(p_calendar, '$.**.worked[*] ? (@ == $day)', jsonb_build_object('day', d.day))
       OR extract(isodow FROM g) < 6
          AND NOT jsonb_path_exists(p_calendar, '$.**.off[*] ? (@ == $day)', jsonb_build_object('day', d.day)) $$;

-- A listing that the hub went on serving: its removal came later than the catalogue allows after the exit was decided.
CREATE VIEW hub.late_removals_v AS
    SELECT x.organisation_code, x.record, x.item, x.supplier, x.archived_at AS at, s.starts_on, m.most
      FROM matcher.records x
      JOIN matcher.records l ON l.organisation_code = x.organisation_code AND l.ended_by = x.record AND l.record <> x.record
      JOIN gateway.catalogues c ON c.version = split_part(x.catalogue, '+', 1)   -- the national layer
     CROSS JOIN LATERAL (SELECT greatest(coalesce((x.data #>> '{removal,removed_on}')::date, x.decided_on),
                                         (l.archived_at AT TIME ZONE 'Asia/Shanghai')::date) AS starts_on) AS s
     CROSS JOIN LATERAL (SELECT min((p #>> '{maximum,number}')::integer) AS most
                           FROM jsonb_array_elements(c.content -> 'periods') AS p
                          WHERE p ->> 'kind' = 'deadline' AND p ->> 'starts' = 'exit' AND p -> 'items' ? x.item
                            AND p #>> '{maximum,unit}' = 'working-days') AS m
     WHERE x.kind LIKE '%.removed' AND m.most IS NOT NULL
       AND (x.archived_at AT TIME ZONE 'Asia/Shanghai')::date - s.starts_on > m.most
       AND hub.working_days(s.starts_on, (x.archived_at AT TIME ZONE 'Asia/Shanghai')::date, c.content -> 'calendar') > m.most;

CREATE FUNCTION hub.violation_of (p_code text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN p_code IN ('item-not-in-catalogue', 'owner-not-allowed', 'kind-unknown') THEN 'outside-catalogue'
               WHEN p_code = 'measure-outside-list' THEN 'outside-list'
               WHEN p_code LIKE 'listing-%' OR p_code LIKE 'list-type-%' THEN 'listing-without-prerequisites' END $$;

-- Each kind of violation that an entry's reasons name, once.
CREATE FUNCTION hub.violations_in (p_reasons jsonb) RETURNS TABLE (violation text, code text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT hub.violation_of(f ->> 'code'), min(f ->> 'code') FROM jsonb_array_elements(p_reasons) AS f
    WHERE hub.violation_of(f ->> 'code') IS NOT NULL GROUP BY 1 $$;

-- 国办发〔2020〕49号 九: recorded outside the catalogue, measures outside the list, listed without its prerequisites, late
-- repair. One row an entry, answer, application or listing; `number` counts what the gateway turned away unkept.
CREATE VIEW hub.violations_v AS
    SELECT v.violation, v.code, v.by, a.department, a.division AS region, hub.level_of(a.division) AS level, v.item, v.ref,
           v.at, (v.at AT TIME ZONE 'Asia/Shanghai')::date AS on_date, v.number
      FROM (
        SELECT f.violation, f.code, q.supplier AS by, q.item, q.submission || '#' || q.index AS ref, q.quarantined_at AS at,
               1::bigint AS number
          FROM ingest.quarantine q CROSS JOIN LATERAL hub.violations_in(q.reasons) AS f
        UNION ALL
        SELECT f.violation, f.code, s.supplier, s.item, s.submission || '#' || s.index, s.decided_at, 1
          FROM matcher.repeats_seen s CROSS JOIN LATERAL hub.violations_in(s.reasons) AS f WHERE s.outcome = 'refused'
        UNION ALL
        SELECT hub.violation_of(g.code), g.code, g.supplier, nullif(g.item, ''), NULL,
               g.on_date::timestamp AT TIME ZONE 'Asia/Shanghai', g.number
          FROM gateway.refusals g WHERE hub.violation_of(g.code) IS NOT NULL
        UNION ALL
        SELECT 'outside-list', b.refusal, b.agency, NULL, b.obligation, b.decided_at, 1
          FROM matcher.feedback b WHERE b.outcome = 'refused' AND b.refusal = 'measure-outside-list'
        UNION ALL
        SELECT 'late-repair', CASE WHEN p.state = 'applied' THEN 'repair-open-past-due' ELSE 'repair-decided-late' END,
               p.determining, r.item, p.repair, (p.due_on + 1)::timestamp AT TIME ZONE 'Asia/Shanghai', 1
          FROM matcher.repairs p
          LEFT JOIN matcher.records r ON r.organisation_code = p.organisation_code AND r.record = p.record
         CROSS JOIN hub.clock k
         WHERE p.due_on IS NOT NULL AND p.state <> 'overtaken'
           AND (coalesce(p.decided_at, now() + k.ahead) AT TIME ZONE 'Asia/Shanghai')::date > p.due_on
        UNION ALL
        SELECT 'late-repair', 'removed-late', d.supplier, d.item, d.record, d.at, 1 FROM hub.late_removals_v d
      ) AS v
      LEFT JOIN gateway.agencies a ON a.id = v.by;
RESET ROLE;
