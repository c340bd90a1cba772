-- Which version was live when: a hold-back is logged by question, and the day it happened on must
-- give the same version whatever was published or taken back since.
-- depends: 0013_source_changes
CREATE TABLE question_publication_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exam_code text NOT NULL,
    question_id bigint NOT NULL REFERENCES questions (id),
    version integer NOT NULL,
    published_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX question_publication_history_item_idx
ON question_publication_history (exam_code, question_id, published_at);

INSERT INTO question_publication_history (exam_code, question_id, version, published_at)
SELECT exam_code, question_id, live_version, published_at FROM question_publications;

GRANT SELECT ON question_publication_history TO qbank_orchestration;

CREATE FUNCTION keep_publications() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO public.question_publication_history (exam_code, question_id, version)
    SELECT exam_code, question_id, live_version FROM came;
    RETURN NULL;
END $$;
CREATE TRIGGER question_publications_keep_insert AFTER INSERT ON question_publications
REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION keep_publications();
CREATE TRIGGER question_publications_keep_update AFTER UPDATE ON question_publications
REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION keep_publications();
ALTER TABLE question_publications ENABLE ALWAYS TRIGGER question_publications_keep_insert;
ALTER TABLE question_publications ENABLE ALWAYS TRIGGER question_publications_keep_update;
