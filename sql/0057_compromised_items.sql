-- Items that are easier, and answered faster, from some moment on, as a leaked item is.
-- depends: 0053_more_requests

ALTER TABLE item_fit
-- that such a change is chance, over the bank; none where too few answered before or after any moment
ADD COLUMN change_q double precision CHECK (change_q BETWEEN 0 AND 1),
ADD COLUMN is_compromised boolean NOT NULL DEFAULT false,
ADD COLUMN compromised_since timestamptz,
ADD COLUMN n_since integer CHECK (n_since > 0 AND n_since < n),
-- log odds of a right answer since less before
ADD COLUMN shift_since double precision CHECK (shift_since > '-Infinity' AND shift_since < 'Infinity'),
-- mean log time since less before, in SDs of the item; none where times are unknown
ADD COLUMN slowness_since double precision
CHECK (slowness_since > '-Infinity' AND slowness_since < 'Infinity'),
ADD CONSTRAINT item_fit_compromised_check CHECK (
    num_nulls(compromised_since, n_since, shift_since) = CASE WHEN is_compromised THEN 0 ELSE 3 END
    AND (is_compromised OR slowness_since IS NULL)
);
