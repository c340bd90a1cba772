DROP TRIGGER exam_blueprints_delete ON exam_blueprints;
DROP TRIGGER exam_blueprints_update ON exam_blueprints;
DROP TRIGGER exam_blueprints_insert ON exam_blueprints;
DROP FUNCTION bump_bank_versions_of_blueprints();
