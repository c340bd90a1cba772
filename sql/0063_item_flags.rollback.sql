DROP TABLE item_flag_decisions;
DROP FUNCTION sign_flag_decision();
DROP TABLE item_flags;
