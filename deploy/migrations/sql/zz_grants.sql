-- Who may read whose views. Each schema is written by its own role alone; what crosses is listed here.

GRANT USAGE ON SCHEMA gateway TO credithub_ingest, credithub_matcher, credithub_notifier, credithub_dashboard;
GRANT SELECT ON gateway.agencies_v, gateway.catalogues_v TO credithub_ingest, credithub_matcher, credithub_notifier, credithub_dashboard;
GRANT SELECT ON gateway.kafka_accounts_v TO credithub_notifier;

GRANT USAGE ON SCHEMA ingest TO credithub_gateway, credithub_matcher, credithub_dashboard;
GRANT SELECT ON ingest.submissions, ingest.quarantine TO credithub_gateway, credithub_matcher, credithub_dashboard;

GRANT USAGE ON SCHEMA matcher TO credithub_gateway, credithub_notifier, credithub_dashboard;
GRANT SELECT ON
    matcher.entry_states_v, matcher.quarantine_v, matcher.submissions_v, matcher.subjects_v, matcher.identifiers_v,
    matcher.records_v, matcher.cases_v, matcher.waiting_v, matcher.obligations_v, matcher.feedback_v, matcher.outbox_v
TO credithub_gateway, credithub_dashboard;
GRANT SELECT ON matcher.obligations_v TO credithub_notifier;

GRANT USAGE ON SCHEMA notifier TO credithub_gateway, credithub_matcher, credithub_dashboard;
GRANT SELECT ON
    notifier.notifications_v, notifier.deliveries_v, notifier.attempts_v, notifier.drift_v, notifier.last_errors_v
TO credithub_gateway, credithub_dashboard;
REVOKE ALL ON FUNCTION notifier.pull (text, integer, bigint, bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notifier.pull (text, integer, bigint, bigint, integer) TO credithub_gateway;
