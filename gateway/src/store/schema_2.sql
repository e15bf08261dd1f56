-- Where a person is in an item of the catalogue.
CREATE TABLE progress (
    person     TEXT NOT NULL,
    item       TEXT NOT NULL,
    position   TEXT NOT NULL,          -- an address on the item's origin
    title      TEXT NOT NULL,          -- of that page, may be empty
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (person, item)
);
CREATE INDEX progress_item ON progress (item);
