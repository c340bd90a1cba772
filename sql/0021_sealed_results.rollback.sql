DROP TABLE quiz_results;
