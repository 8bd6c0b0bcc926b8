-- What crosses between services since this revision.
SET LOCAL ROLE credithub_owner;
GRANT SELECT ON hub.restores, hub.restore_targets, hub.restore_findings, hub.catching_up_v
TO credithub_gateway, credithub_ingest, credithub_matcher, credithub_notifier, credithub_dashboard;
GRANT SELECT ON notifier.evidence_v TO credithub_matcher, credithub_gateway, credithub_dashboard;
GRANT SELECT ON hub.orphans_v TO credithub_gateway, credithub_matcher, credithub_dashboard;
GRANT EXECUTE ON FUNCTION hub.note_caught_up (), hub.note_settled () TO credithub_matcher;
RESET ROLE;
