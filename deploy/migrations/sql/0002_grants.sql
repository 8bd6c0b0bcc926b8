-- Who may read whose views of the life of a record. What crosses between services is listed here, as in zz_grants.sql.
GRANT SELECT ON
    matcher.record_versions_v, matcher.record_changes_v, matcher.holds_v, matcher.objections_v, matcher.repairs_v,
    matcher.witnesses_v, matcher.notices_v, matcher.moments_v, matcher.subject_links_v, matcher.scopes_v
TO credithub_gateway, credithub_dashboard;
GRANT SELECT ON ALL TABLES IN SCHEMA matcher TO credithub_dashboard;
GRANT SELECT ON hub.still_holding_v TO credithub_gateway, credithub_matcher, credithub_notifier, credithub_dashboard;
