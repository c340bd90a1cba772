ALTER TABLE exposure_daily DROP COLUMN controlled;
