DROP TRIGGER topics_are_a_tree ON topics;
DROP FUNCTION refuse_topic_cycle();
