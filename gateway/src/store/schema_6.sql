-- The text of a policy stands by itself, in parts: lists of versions don't read it, and one with a million hosts is neither
-- written nor read in one piece.
CREATE TABLE policy_texts (
    version BIGINT NOT NULL REFERENCES policies (version),
    part    BIGINT NOT NULL,          -- from 0
    text    TEXT NOT NULL,
    PRIMARY KEY (version, part)
);
INSERT INTO policy_texts (version, part, text) SELECT version, 0, text FROM policies;
ALTER TABLE policies DROP COLUMN text;
