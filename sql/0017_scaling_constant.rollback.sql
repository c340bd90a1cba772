-- without the column every a is of D = 1.7
UPDATE item_calibration SET
    a = a * scaling_constant / 1.7, se_a = se_a * scaling_constant / 1.7
WHERE scaling_constant <> 1.7;
ALTER TABLE item_calibration
DROP CONSTRAINT item_calibration_asymptote_of_model_check,
DROP COLUMN scaling_constant;
