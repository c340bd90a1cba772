-- Item parameters travel with their model's name and its D: a alone says nothing of a curve.
-- depends: 0016_pool_versions

ALTER TABLE item_calibration
ADD COLUMN scaling_constant double precision NOT NULL DEFAULT 1.7
CHECK (scaling_constant > 0 AND scaling_constant < 'Infinity'),
ADD CONSTRAINT item_calibration_asymptote_of_model_check CHECK (c = 0 OR model = '3pl');
