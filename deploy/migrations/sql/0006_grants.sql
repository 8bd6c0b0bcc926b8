-- Who may read what the register says that a subject is part of: whoever could read its seat.
SET LOCAL ROLE credithub_owner;
GRANT SELECT ON matcher.subjects_v TO credithub_gateway, credithub_notifier, credithub_dashboard;
RESET ROLE;
