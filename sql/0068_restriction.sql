-- Restriction closes items that quizzes under exposure control were given too often: of an item's
-- day, how many these were.
-- depends: 0067_comparison_requests

ALTER TABLE exposure_daily ADD COLUMN controlled integer NOT NULL DEFAULT 0 CHECK (controlled >= 0);
GRANT UPDATE (controlled) ON exposure_daily TO qbank_delivery;
