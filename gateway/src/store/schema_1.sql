CREATE TABLE people (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    groups      TEXT NOT NULL,          -- identifiers, separated by spaces
    trio        TEXT NOT NULL,          -- logins, separated by spaces
    pin_hash    TEXT NOT NULL,          -- argon2id, PHC string
    locked      BIGINT NOT NULL DEFAULT 0,
    added_at    BIGINT NOT NULL,
    released_at BIGINT
);

CREATE TABLE grants (
    id         TEXT PRIMARY KEY,
    person     TEXT NOT NULL REFERENCES people (id),
    host       TEXT NOT NULL,
    port       BIGINT NOT NULL,
    path       TEXT NOT NULL,
    granter    TEXT NOT NULL,
    reason     TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    ends_at    BIGINT NOT NULL
);
CREATE INDEX grants_person ON grants (person);

CREATE TABLE staff (
    login             TEXT PRIMARY KEY,
    role              TEXT NOT NULL,
    password_hash     TEXT NOT NULL,
    one_time_password BIGINT NOT NULL,
    added_at          BIGINT NOT NULL
);

-- Wrong PINs and passwords. place: a terminal, or '' for all places together.
CREATE TABLE attempts (
    subject  TEXT NOT NULL,
    place    TEXT NOT NULL,
    known    BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    last_at  BIGINT NOT NULL,
    PRIMARY KEY (subject, place)
);
CREATE INDEX attempts_last_at ON attempts (known, last_at);

CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    gateway    TEXT NOT NULL,
    person     TEXT NOT NULL REFERENCES people (id),
    terminal   TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at   BIGINT,
    end_reason TEXT
);
CREATE UNIQUE INDEX sessions_one_at_a_time ON sessions (person) WHERE ended_at IS NULL;
CREATE INDEX sessions_history ON sessions (person, started_at);
CREATE INDEX sessions_ended ON sessions (gateway, ended_at);

CREATE TABLE invitations (
    digest     TEXT PRIMARY KEY,        -- SHA-256 of the code
    terminal   TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX invitations_terminal ON invitations (terminal);

CREATE TABLE certificates (
    fingerprint  TEXT PRIMARY KEY,      -- SHA-256 of the DER
    terminal     TEXT NOT NULL,
    enrolled_at  BIGINT NOT NULL,
    ended_at     BIGINT,
    state        TEXT NOT NULL,         -- active, revoked, replaced
    last_seen_at BIGINT
);
CREATE UNIQUE INDEX certificates_one_at_a_time ON certificates (terminal) WHERE ended_at IS NULL;

CREATE TABLE policies (
    version           BIGINT PRIMARY KEY,
    state             TEXT NOT NULL,    -- proposed, published, superseded
    text              TEXT NOT NULL,
    proposer          TEXT NOT NULL,
    comment           TEXT NOT NULL,
    signatures_needed BIGINT NOT NULL,
    proposed_at       BIGINT NOT NULL,
    published_at      BIGINT
);
CREATE UNIQUE INDEX policies_one_published ON policies (state) WHERE state = 'published';

CREATE TABLE signatures (
    version   BIGINT NOT NULL REFERENCES policies (version),
    login     TEXT NOT NULL,
    signed_at BIGINT NOT NULL,
    PRIMARY KEY (version, login)
);

CREATE TABLE requests (
    id          TEXT PRIMARY KEY,
    person      TEXT NOT NULL REFERENCES people (id),
    url         TEXT NOT NULL,
    reason      TEXT NOT NULL,
    asked_at    BIGINT NOT NULL,
    state       TEXT NOT NULL,          -- open, granted, declined
    answer      TEXT,
    answered_at BIGINT
);
CREATE INDEX requests_person ON requests (person, asked_at);

-- The slot makes the count exact between gateways: the Nth minute of a day takes slot N - 1, and a slot is taken once.
CREATE TABLE minutes (
    person  TEXT NOT NULL,
    day     TEXT NOT NULL,
    service TEXT NOT NULL,
    slot    BIGINT NOT NULL,
    minute  BIGINT NOT NULL,
    PRIMARY KEY (person, day, service, slot),
    UNIQUE (person, day, service, minute)
);

CREATE TABLE journal_keys (
    id      TEXT PRIMARY KEY,
    subject TEXT NOT NULL,
    month   TEXT NOT NULL,
    secret  TEXT NOT NULL,
    UNIQUE (subject, month)
);

CREATE TABLE access_stops (
    group_name TEXT PRIMARY KEY,        -- '' stops everybody
    stopped_by TEXT NOT NULL,
    stopped_at BIGINT NOT NULL
);
