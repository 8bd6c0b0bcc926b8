-- What belongs to the whole hub: the epoch that every outgoing number carries, and the business clock.
CREATE SCHEMA hub AUTHORIZATION credithub_owner;

CREATE TABLE hub.epoch (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch integer NOT NULL CHECK (epoch > 0)
);
INSERT INTO hub.epoch (epoch) VALUES (1);

CREATE TABLE hub.clock (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    ahead  interval NOT NULL DEFAULT interval '0'   -- development only: how far business time runs ahead
);
INSERT INTO hub.clock DEFAULT VALUES;

GRANT USAGE ON SCHEMA hub TO credithub_gateway, credithub_ingest, credithub_matcher, credithub_notifier, credithub_dashboard;
GRANT SELECT ON ALL TABLES IN SCHEMA hub TO credithub_gateway, credithub_ingest, credithub_matcher, credithub_notifier, credithub_dashboard;
