-- The roles stay: they belong to the server, and another database of it may use them.
ALTER DEFAULT PRIVILEGES FOR ROLE qbank_orchestration IN SCHEMA analytics
REVOKE SELECT ON TABLES FROM qbank_analyst, qbank_delivery;
DROP SCHEMA analytics_staging CASCADE;
DROP SCHEMA analytics CASCADE;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM qbank_delivery, qbank_orchestration;
REVOKE USAGE ON SCHEMA public FROM qbank_delivery, qbank_orchestration;
