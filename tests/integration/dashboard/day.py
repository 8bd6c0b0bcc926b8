"""Understands a small day of a hub as rows in its tables, with every kind of thing that the operators' page counts."""

from __future__ import annotations

from tests.harness.ground import Database

DAY = (
    """INSERT INTO gateway.agencies (id, department, division, name_zh, name_en, channels, valid_from, demo) VALUES
       ('mnr-130822', 'mnr', '130822', '自然资源局（演示）', 'Land (demo)', '{pull}', '2020-01-01', true),
       ('samr-130822', 'samr', '130822', '市场监管局（演示）', 'Market (demo)', '{kafka}', '2020-01-01', true)""",
    """INSERT INTO gateway.catalogues (version, effective_from, illustrative, content, digest, loaded_by) VALUES
       ('2026-demo', '2026-01-01', true, '{}', repeat('a', 64), 'test')""",
    # 25 entries taken in; of an earlier file without its manifest the number is not known yet
    """INSERT INTO ingest.submissions (submission, supplier, source, form, received_at, entries) VALUES
       ('s1', 'mnr-130822', '//mnr', 'event', now() - interval '5 minutes', 20),
       ('s2', 'mnr-130822', '//mnr', 'event', now() - interval '2 minutes', 5),
       ('s3', 'mnr-130822', '//mnr', 'row', now() - interval '1 minute', NULL),
       ('s0', 'mnr-130822', '//mnr', 'event', now() - interval '3 hours', 1000)""",
    """INSERT INTO matcher.entries (source, id, digest, submission, index, supplier, item, outcome, received_at, decided_at)
       SELECT '//mnr', 'e' || g, 'd', 's1', g, 'mnr-130822', 'licence',
              CASE WHEN g <= 15 THEN 'archived' ELSE 'waiting-subject' END, now(), now() - interval '5 minutes'
         FROM generate_series(1, 16) g""",
    """INSERT INTO matcher.entries (source, id, digest, submission, index, supplier, item, outcome, received_at, decided_at)
       SELECT '//mnr', 'old' || g, 'd', 's0', g, 'mnr-130822', 'licence', 'archived', now(), now() - interval '3 hours'
         FROM generate_series(1, 50) g""",
    """INSERT INTO matcher.repeats_seen (submission, index, source, id, supplier, item, outcome, reasons, received_at,
                                          decided_at)
       VALUES ('s1', 17, '//mnr', 'e1', 'mnr-130822', 'licence', 'duplicate', '[]', now(), now() - interval '4 minutes'),
              ('s1', 18, '//mnr', 'e2', 'mnr-130822', 'licence', 'refused', '[{"code": "conflict"}]', now(),
               now() - interval '4 minutes')""",
    """INSERT INTO ingest.quarantine (submission, index, source, id, digest, supplier, form, received_at, quarantined_at,
                                       reasons)
       VALUES ('s1', 19, '//mnr', 'q1', 'd', 'mnr-130822', 'event', now(), now() - interval '3 minutes',
               '[{"code": "CHARSET@11"}, {"code": "LENGTH"}]'),
              ('s2', 0, '//mnr', 'q2', 'd', 'mnr-130822', 'event', now(), now() - interval '2 minutes',
               '[{"code": "CHARSET@3"}]'),
              ('s0', 7, '//mnr', 'e3', 'd', 'mnr-130822', 'event', now(), now() - interval '3 hours',
               '[{"code": "LENGTH"}]')""",
    """INSERT INTO matcher.waiting (awaits, source, id, event, since) VALUES
       ('registration_number:130822000000001', '//mnr', 'w1', '', now() - interval '2 days'),
       ('taxpayer_number:130822000000001', '//mnr', 'w1', '', now() - interval '2 days'),
       ('record:MAPDY0001:judgment-debtor:7', '//mnr', 'w2', '', now())""",
    """INSERT INTO matcher.obligations (organisation_code, obligation, case_id, record, item, measure, department, agency,
                                        epoch, version, state, suspended, mandatory, catalogue, explain, created_at, ended_at)
       SELECT 'MAPDY0001', o, 'cas', 'rec', 'judgment-debtor', 'M-01', 'mnr', a, 1, 1, s, su, true, '2026-demo', '{}',
              now() - age, CASE WHEN s = 'lifting' THEN now() - interval '1 hour' END
         FROM (VALUES ('obl_oldest', 'mnr-130822', 'delivered', false, interval '9 days'),
                      ('obl_2', 'samr-130822', 'delivered', false, interval '8 days'),
                      ('obl_3', 'samr-130822', 'triggered', true, interval '1 day'),
                      ('obl_4', 'samr-130822', 'executed', false, interval '30 days'),
                      ('obl_5', 'samr-130822', 'executed', false, interval '30 days'),
                      ('obl_6', 'mnr-130822', 'lifting', false, interval '30 days'),
                      ('obl_7', 'mnr-130822', 'lifting', false, interval '30 days')) AS x(o, a, s, su, age)""",
    # who was told of what has ended, and of the suspension nobody was
    """INSERT INTO notifier.tasks (agency, obligation, seen_epoch, seen_version, begun) VALUES
       ('mnr-130822', 'obl_6', 1, 2, '{pull}'), ('mnr-130822', 'obl_7', 1, 2, '{pull}')""",
    """INSERT INTO matcher.unrouted (organisation_code, case_id, record, item, measure, department, catalogue)
       VALUES ('MAPDY0001', 'cas', 'rec', 'judgment-debtor', 'M-02', 'pbc', '2026-demo')""",
    """INSERT INTO matcher.feedback (id, obligation, agency, epoch, version, answer, via, received_at, decided_at, outcome)
       SELECT 'f' || g, 'obl_4', 'samr-130822', 1, 1, 'executed', 'http', now(), now() - g * interval '1 minute', 'accepted'
         FROM generate_series(1, 2) g""",
    """INSERT INTO matcher.outbox (epoch, shard, first, topic, key, value, published) VALUES
       (1, 0, false, 'credit.notifications', 'k', 'v', false), (1, 0, false, 'credit.notifications', 'k', 'v', true)""",
    """INSERT INTO notifier.notifications (agency, lane, number, message, obligation, epoch, version, kind, state, issued_at,
                                           received_at, payload)
       SELECT 'samr-130822', 'rest', g, 'm' || g, 'obl_' || g, 1, 1, 'triggered', 'triggered', now(),
              now() - interval '3 minutes', '{}' FROM generate_series(1, 6) g""",
    """INSERT INTO notifier.deliveries (agency, message, channel, obligation, epoch, version, lane, number, state, attempts,
                                        delivered_at, last_error)
       SELECT 'samr-130822', 'm' || g, CASE WHEN g = 6 THEN 'pull' ELSE 'kafka' END, 'obl_' || g, 1, 1, 'rest', g,
              CASE WHEN g <= 4 THEN 'delivered' WHEN g = 5 THEN 'failed' ELSE 'due' END, 1,
              CASE WHEN g <= 4 THEN now() - interval '2 minutes' END, CASE WHEN g = 5 THEN 'TimeoutError' END
         FROM generate_series(1, 6) g""",
    "INSERT INTO notifier.drift (agency, thing, wanted, found) VALUES ('samr-130822', 'acl', 'read', 'none')",
)


async def a_day(database: Database) -> None:
    """Writes it as a superuser would; what the figures then are is reckoned by hand in the tests."""
    for statement in DAY:
        await database.rows(statement)
