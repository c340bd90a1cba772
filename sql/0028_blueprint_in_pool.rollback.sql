CREATE OR REPLACE FUNCTION bump_bank_versions_of_blueprints() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM public.bump_bank_versions(
        -- of an exam that goes with its blueprint nothing is cached any more
        (SELECT array_agg(DISTINCT m.exam_code)
         FROM moved AS m JOIN public.exams AS e USING (exam_code)),
        false
    );
    RETURN NULL;
END $$;
