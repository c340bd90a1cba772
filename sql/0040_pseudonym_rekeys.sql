-- The key of a tenant's pseudonyms may change. Pseudonyms by the new key are made of those by the key
-- before it, so nobody's id is needed: the keys before it are kept sealed by the one in force, and who
-- has that makes the pseudonym of an id. An imported sitting has another id from then on, for its id
-- tells of the pseudonym; by what the file called it, it is found again.
-- depends: 0039_bank_changes

ALTER TABLE pseudonym_keys
ADD COLUMN earlier bytea CHECK (octet_length(earlier) > 28),
ADD COLUMN changed_at timestamptz;

-- of sittings of people by pseudonyms: a digest of the sitting's name within the exam, or the sitting
-- beside which it stands; null where it was imported before there was one
ALTER TABLE quiz_sessions ADD COLUMN sitting_key text CHECK (sitting_key <> '');

-- a sitting that was looked at has a result, which goes with its id and is otherwise what it was
DROP TRIGGER quiz_results_append_only ON quiz_results;
CREATE TRIGGER quiz_results_append_only BEFORE UPDATE ON quiz_results
FOR EACH ROW EXECUTE FUNCTION refuse_change_but_for_erasure();
