-- The second factor of staff (RFC 6238). A code of last_step or an earlier one is refused.
CREATE TABLE second_factors (
    login       TEXT PRIMARY KEY REFERENCES staff (login),
    secret      TEXT NOT NULL,          -- 20 bytes in hex
    last_step   BIGINT NOT NULL,
    enrolled_at BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
    digest TEXT PRIMARY KEY,            -- SHA-256 of the login, a space and the code
    login  TEXT NOT NULL REFERENCES staff (login)
);
CREATE INDEX recovery_codes_login ON recovery_codes (login);

CREATE TABLE staff_sign_ins (
    login   TEXT NOT NULL REFERENCES staff (login),
    at      BIGINT NOT NULL,
    address TEXT NOT NULL
);
CREATE INDEX staff_sign_ins_login ON staff_sign_ins (login, at);

ALTER TABLE requests ADD COLUMN answered_by TEXT;
CREATE INDEX requests_state ON requests (state, asked_at);
