ALTER TABLE item_fit
DROP COLUMN change_q,
DROP COLUMN is_compromised,
DROP COLUMN compromised_since,
DROP COLUMN n_since,
DROP COLUMN shift_since,
DROP COLUMN slowness_since;
