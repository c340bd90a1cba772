DROP FUNCTION use_service_account_assertion(text, text, timestamptz);
DROP FUNCTION service_account_credentials_of(text);
DROP TABLE service_account_assertions;
DROP TABLE service_account_credentials;
DROP TABLE service_accounts;
