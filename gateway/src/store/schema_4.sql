-- 1: whatever the host offers, for a recording run; its path is not looked at.
ALTER TABLE grants ADD COLUMN recording BIGINT NOT NULL DEFAULT 0;
