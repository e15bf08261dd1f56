-- Until when what was asked for is open; nothing for what was granted before this step.
ALTER TABLE requests ADD COLUMN granted_until BIGINT;
