-- A changed blueprint is seen by delivery's cached banks, as a changed exam is.
-- depends: 0023_walls

CREATE FUNCTION bump_bank_versions_of_blueprints() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM public.bump_bank_versions(
        -- of an exam that goes with its blueprint nothing is cached any more
        (SELECT array_agg(DISTINCT m.exam_code)
         FROM moved AS m JOIN public.exams AS e USING (exam_code)),
        false
    );
    RETURN NULL;
END $$;
CREATE TRIGGER exam_blueprints_insert AFTER INSERT ON exam_blueprints
REFERENCING NEW TABLE AS moved
FOR EACH STATEMENT EXECUTE FUNCTION bump_bank_versions_of_blueprints();
CREATE TRIGGER exam_blueprints_update AFTER UPDATE ON exam_blueprints
REFERENCING NEW TABLE AS moved
FOR EACH STATEMENT EXECUTE FUNCTION bump_bank_versions_of_blueprints();
CREATE TRIGGER exam_blueprints_delete AFTER DELETE ON exam_blueprints
REFERENCING OLD TABLE AS moved
FOR EACH STATEMENT EXECUTE FUNCTION bump_bank_versions_of_blueprints();
