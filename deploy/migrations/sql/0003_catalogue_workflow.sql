-- A catalogue version is proposed, consulted, approved by another person than who proposed it, and swept into force.
-- gateway.*: credithub_gateway alone writes; matcher.*: credithub_matcher alone. Additive.
ALTER TABLE gateway.catalogues
    ADD COLUMN layer    text GENERATED ALWAYS AS (coalesce(content -> 'manifest' ->> 'layer', 'national')) STORED,
    ADD COLUMN division text GENERATED ALWAYS AS (coalesce(content -> 'manifest' ->> 'division', '000000')) STORED,
    ADD COLUMN reaches  text GENERATED ALWAYS AS (coalesce(content -> 'manifest' ->> 'reaches', 'new')) STORED;

CREATE OR REPLACE VIEW gateway.catalogues_v AS
    SELECT version, effective_from, content, illustrative, loaded_at, layer, division, reaches FROM gateway.catalogues;

CREATE TABLE gateway.catalogue_proposals (
    version          text PRIMARY KEY,
    state            text NOT NULL DEFAULT 'proposed'
                     CHECK (state IN ('proposed', 'consulted', 'approved', 'rejected', 'withdrawn')),
    effective_from   date NOT NULL,
    illustrative     boolean NOT NULL,
    content          jsonb NOT NULL,
    digest           text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    compared_with    text,                       -- the version that it was compared with when it was proposed
    changes_criteria boolean NOT NULL,           -- of a list: a longer public comment is asked for
    proposed_by      text NOT NULL REFERENCES gateway.keys (id),
    proposed_on      date NOT NULL,              -- by the business clock
    proposed_at      timestamptz NOT NULL DEFAULT now(),
    remarks          text NOT NULL DEFAULT '',
    consult_from     date,
    consult_to       date,                       -- last day
    approved_by      text REFERENCES gateway.keys (id),
    approved_at      timestamptz,
    CHECK (consult_to >= consult_from),
    CHECK (state NOT IN ('consulted', 'approved') OR consult_to IS NOT NULL),
    CHECK ((state = 'approved') = (approved_by IS NOT NULL AND approved_at IS NOT NULL)),
    CONSTRAINT four_eyes CHECK (approved_by <> proposed_by)
);

-- Who did what to a proposal, when and why: only ever added to.
CREATE TABLE gateway.catalogue_steps (
    n       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version text NOT NULL REFERENCES gateway.catalogue_proposals (version),
    step    text NOT NULL CHECK (step IN ('proposed', 'consulted', 'approved', 'rejected', 'withdrawn')),
    at      timestamptz NOT NULL DEFAULT now(),
    actor   text NOT NULL,
    reason  text NOT NULL DEFAULT '',
    detail  jsonb NOT NULL DEFAULT '{}',
    request text
);
CREATE INDEX catalogue_steps_of ON gateway.catalogue_steps (version, n);

-- A rotated key is still the same hand: four eyes are two first keys.
CREATE FUNCTION gateway.hand_of(asked text) RETURNS text LANGUAGE sql STABLE AS $$
    WITH RECURSIVE chain (id) AS (
        SELECT asked UNION SELECT k.id FROM gateway.keys k JOIN chain c ON k.rotated_to = c.id
    )
    SELECT c.id FROM chain c WHERE NOT EXISTS (SELECT FROM gateway.keys k WHERE k.rotated_to = c.id) LIMIT 1
$$;

CREATE FUNCTION gateway.proposal_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.version, NEW.content, NEW.digest, NEW.effective_from, NEW.proposed_by, NEW.changes_criteria)
       IS DISTINCT FROM (OLD.version, OLD.content, OLD.digest, OLD.effective_from, OLD.proposed_by, OLD.changes_criteria) THEN
        RAISE EXCEPTION 'catalogue %: what was proposed never changes', OLD.version USING ERRCODE = 'check_violation';
    END IF;
    IF NOT (OLD.state = 'proposed' AND NEW.state IN ('consulted', 'rejected', 'withdrawn')
            OR OLD.state = 'consulted' AND NEW.state IN ('consulted', 'approved', 'rejected', 'withdrawn')) THEN
        RAISE EXCEPTION 'catalogue %: % never becomes %', OLD.version, OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'approved' AND gateway.hand_of(NEW.approved_by) = gateway.hand_of(NEW.proposed_by) THEN
        RAISE EXCEPTION 'catalogue %: who proposed it does not approve it', OLD.version USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

-- A version that was proposed gets into force by its approval alone, and as it was proposed.
CREATE FUNCTION gateway.only_what_was_approved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM gateway.catalogue_proposals p WHERE p.version = NEW.version
                AND (p.state, p.digest, p.effective_from) IS DISTINCT FROM ('approved', NEW.digest, NEW.effective_from)) THEN
        RAISE EXCEPTION 'catalogue % was proposed and is not approved', NEW.version USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER proposals_move BEFORE UPDATE ON gateway.catalogue_proposals
    FOR EACH ROW EXECUTE FUNCTION gateway.proposal_moves();
CREATE TRIGGER catalogue_steps_only_grow BEFORE UPDATE OR DELETE ON gateway.catalogue_steps
    FOR EACH STATEMENT EXECUTE FUNCTION gateway.never_changed();
CREATE TRIGGER catalogues_as_approved BEFORE INSERT ON gateway.catalogues
    FOR EACH ROW EXECUTE FUNCTION gateway.only_what_was_approved();

GRANT SELECT, INSERT, UPDATE (state, consult_from, consult_to, approved_by, approved_at)
   ON gateway.catalogue_proposals TO credithub_gateway;
GRANT SELECT, INSERT ON gateway.catalogue_steps TO credithub_gateway;

-- How far the matcher has come in sweeping a turn of what is in force through the archive, subject by subject.
SET LOCAL ROLE credithub_owner;
CREATE TABLE matcher.catalogue_sweeps (
    version    text NOT NULL,                  -- that began, or in which something ended on that day
    turned_on  date NOT NULL,
    after      text NOT NULL DEFAULT '',       -- the last organisation code that was walked
    ended      integer NOT NULL DEFAULT 0,     -- obligations
    made       integer NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    done_at    timestamptz,
    PRIMARY KEY (version, turned_on)
);
CREATE VIEW matcher.catalogue_sweeps_v AS
    SELECT version, turned_on, after, ended, made, started_at, done_at FROM matcher.catalogue_sweeps;
GRANT SELECT, INSERT, UPDATE ON matcher.catalogue_sweeps TO credithub_matcher;
RESET ROLE;
