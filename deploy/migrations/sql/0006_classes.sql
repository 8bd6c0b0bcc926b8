-- What the register says that a subject is part of: its class, and the agency above it, by which notices are routed.
SET LOCAL ROLE credithub_owner;

ALTER TABLE matcher.subjects
    ADD COLUMN class text
        CHECK (class IN ('enterprise', 'state-firm', 'public-institution', 'government', 'social-organisation', 'other')),
    ADD COLUMN superior text;              -- an agency's id; that the registry knows it is seen when a notice is routed

CREATE OR REPLACE VIEW matcher.subjects_v AS
    SELECT organisation_code, unified_code, name, kind, seat, status, registered, registered_on, class, superior
      FROM matcher.subjects;
RESET ROLE;
