-- Where quizzes keep to the blueprint it is part of what exposure control is calibrated for: a changed
-- one moves the pool's version too, so that the night looks at it.
-- depends: 0024_blueprint_versions

CREATE OR REPLACE FUNCTION bump_bank_versions_of_blueprints() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM public.bump_bank_versions(
        -- of an exam that goes with its blueprint nothing is cached any more
        (SELECT array_agg(DISTINCT m.exam_code)
         FROM moved AS m JOIN public.exams AS e USING (exam_code)),
        true
    );
    RETURN NULL;
END $$;
