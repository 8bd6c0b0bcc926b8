-- Who may read what the doors of a record's life show: the gateway, for operators, auditors and each agency its own line.
GRANT SELECT ON hub.name_waiting_v, hub.accounting_v, hub.violations_v, hub.late_removals_v
TO credithub_gateway, credithub_dashboard;
GRANT SELECT ON gateway.refusals, gateway.names TO credithub_dashboard;
