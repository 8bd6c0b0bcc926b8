-- Schema gateway: the registry (agencies, keys, Kafka accounts), catalogue versions, feed mappings, and the audit of every such act.
-- Written by credithub_gateway alone. Nothing here grows with events.
CREATE SCHEMA gateway;

CREATE TABLE gateway.agencies (
    id          text PRIMARY KEY CHECK (id ~ '^[a-z][a-z0-9]*(-[a-z0-9]+)*-[0-9]{6}$' AND length(id) <= 64),
    department  text NOT NULL,
    division    text NOT NULL CHECK (division ~ '^[0-9]{6}$'),
    name_zh     text NOT NULL,
    name_en     text NOT NULL,
    kind        text NOT NULL DEFAULT 'agency' CHECK (kind IN ('agency', 'partner')),
    channels    text[] NOT NULL DEFAULT '{}' CHECK (channels <@ ARRAY['kafka', 'pull']),
    superior    text REFERENCES gateway.agencies (id),
    valid_from  date NOT NULL,
    valid_to    date,
    demo        boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CHECK (valid_to IS NULL OR valid_to >= valid_from)
);

-- A source belongs to one supplier, whatever keys it has or will have.
CREATE TABLE gateway.sources (
    source      text PRIMARY KEY,
    agency      text NOT NULL REFERENCES gateway.agencies (id),
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- The key itself is nowhere: `hash` is a keyed hash of it, `prefix` its first characters for recognising it in a list.
CREATE TABLE gateway.keys (
    id          text PRIMARY KEY,
    prefix      text NOT NULL,
    hash        text NOT NULL UNIQUE CHECK (hash ~ '^[0-9a-f]{64}$'),
    agency      text REFERENCES gateway.agencies (id),
    label       text NOT NULL DEFAULT '',
    roles       text[] NOT NULL CHECK (roles <> '{}' AND roles <@ ARRAY['supplier', 'agency', 'operator', 'auditor']),
    items       text[] NOT NULL DEFAULT '{}',
    sources     text[] NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    created_by  text NOT NULL,
    expires_at  timestamptz,
    disabled_at timestamptz,
    rotated_to  text REFERENCES gateway.keys (id),
    CHECK (agency IS NOT NULL OR NOT roles && ARRAY['supplier', 'agency'])
);
CREATE INDEX keys_of_agency ON gateway.keys (agency);

CREATE TABLE gateway.kafka_accounts (
    agency      text PRIMARY KEY REFERENCES gateway.agencies (id),
    username    text NOT NULL UNIQUE,
    iterations  integer NOT NULL CHECK (iterations >= 4096),
    salt        bytea NOT NULL,
    sealed_password bytea NOT NULL,
    enabled     boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz
);

CREATE TABLE gateway.catalogues (
    version        text PRIMARY KEY,
    effective_from date NOT NULL,
    illustrative   boolean NOT NULL,
    content        jsonb NOT NULL,
    digest         text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    loaded_at      timestamptz NOT NULL DEFAULT now(),
    loaded_by      text NOT NULL
);

CREATE TABLE gateway.mappings (
    feed       text NOT NULL,
    version    text NOT NULL,
    content    jsonb NOT NULL,
    digest     text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    loaded_at  timestamptz NOT NULL DEFAULT now(),
    loaded_by  text NOT NULL,
    PRIMARY KEY (feed, version)
);

CREATE TABLE gateway.audit (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    actor    text NOT NULL,
    agency   text,
    action   text NOT NULL,
    target   text NOT NULL,
    detail   jsonb NOT NULL DEFAULT '{}',
    request  text
);

CREATE FUNCTION gateway.never_changed() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% on %.% is refused: rows here are only ever added', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME; END $$;

CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE ON gateway.audit
    FOR EACH STATEMENT EXECUTE FUNCTION gateway.never_changed();
CREATE TRIGGER catalogues_only_grow BEFORE UPDATE OR DELETE ON gateway.catalogues
    FOR EACH STATEMENT EXECUTE FUNCTION gateway.never_changed();

CREATE VIEW gateway.agencies_v AS
    SELECT id, department, division, name_zh, name_en, channels, superior, valid_from, valid_to, demo, kind FROM gateway.agencies;

CREATE VIEW gateway.catalogues_v AS
    SELECT version, effective_from, content, illustrative FROM gateway.catalogues;

CREATE VIEW gateway.kafka_accounts_v AS
    SELECT agency, username, iterations, salt, sealed_password, enabled, revoked_at FROM gateway.kafka_accounts;

-- The gateway's own role: it can add, and mark as ended; it can take nothing away and read no password back.
GRANT USAGE ON SCHEMA gateway TO credithub_gateway;
GRANT SELECT, INSERT, UPDATE (valid_to, channels, name_zh, name_en, superior) ON gateway.agencies TO credithub_gateway;
GRANT SELECT, INSERT ON gateway.sources, gateway.catalogues, gateway.mappings, gateway.audit TO credithub_gateway;
GRANT SELECT, INSERT, UPDATE (expires_at, disabled_at, rotated_to) ON gateway.keys TO credithub_gateway;
GRANT SELECT (agency, username, enabled, created_at, revoked_at), INSERT,
      UPDATE (enabled, revoked_at) ON gateway.kafka_accounts TO credithub_gateway;
GRANT SELECT ON gateway.agencies_v, gateway.catalogues_v TO credithub_gateway;
