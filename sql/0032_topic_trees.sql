-- A topic lies below others in a tree. A cycle would be gone around for ever by whoever looks for
-- the nearest topic above that a blueprint or a cap names.
-- depends: 0023_walls

CREATE FUNCTION refuse_topic_cycle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- two moves at once could close a cycle that neither sees
    PERFORM pg_advisory_xact_lock(hashtextextended('topics of ' || NEW.tenant_id, 0));
    IF EXISTS (
        WITH RECURSIVE above AS (
            SELECT NEW.parent_id AS id
            UNION
            SELECT t.parent_id FROM topics AS t JOIN above ON t.id = above.id
            WHERE t.parent_id IS NOT NULL
        )
        SELECT FROM above WHERE id = NEW.id
    ) THEN
        RAISE EXCEPTION 'topic % cannot be put below topic %, which lies below it',
            NEW.id, NEW.parent_id
            USING ERRCODE = 'check_violation', HINT = 'move the lower topic away first';
    END IF;
    RETURN NULL;
END
$$;

-- after the statement's rows are all there: they may name each other
CREATE TRIGGER topics_are_a_tree AFTER INSERT OR UPDATE OF parent_id ON topics
FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL) EXECUTE FUNCTION refuse_topic_cycle();
