-- The daily cap counts people: what one person is served again and again closes no item to others.
-- depends: 0021_sealed_results
ALTER TABLE exposure_daily ADD COLUMN people integer NOT NULL DEFAULT 0
CHECK (people BETWEEN 0 AND served);
UPDATE exposure_daily SET people = served;

-- quizzes without an answer count for exposure no more: the marts are built anew
DELETE FROM mart_reads;
