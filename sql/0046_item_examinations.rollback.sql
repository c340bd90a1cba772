DROP INDEX people_changed_at_idx;
DROP TABLE item_fit;
DROP TABLE item_fairness;
DROP TABLE item_examinations;
