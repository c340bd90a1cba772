-- A constraint that holds has nothing to take back: 0047 replaces it.
SELECT 1;
