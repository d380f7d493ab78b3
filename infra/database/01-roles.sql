-- One role per service with the least rights it works with (OPS-23). Safe to run again.
DO $$
DECLARE
  service text;
BEGIN
  FOREACH service IN ARRAY ARRAY['usinage_owner', 'usinage_api', 'usinage_worker', 'usinage_ingest', 'usinage_backup']
  LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = service) THEN
      EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEROLE', service);
    END IF;
  END LOOP;
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO usinage_owner, usinage_api, usinage_worker, usinage_ingest, usinage_backup', current_database());
  EXECUTE format('GRANT CREATE ON DATABASE %I TO usinage_owner', current_database());
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO usinage_owner;
GRANT USAGE ON SCHEMA public TO usinage_api, usinage_worker, usinage_ingest, usinage_backup;

ALTER DEFAULT PRIVILEGES FOR ROLE usinage_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO usinage_api, usinage_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE usinage_owner IN SCHEMA public
  GRANT USAGE, SELECT ON SEQUENCES TO usinage_api, usinage_worker, usinage_ingest;
-- What stations send is kept: the ingester adds and updates, it deletes nothing.
ALTER DEFAULT PRIVILEGES FOR ROLE usinage_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE ON TABLES TO usinage_ingest;

-- Reads all to dump it; creates scratch databases to prove a backup (OPS-34).
GRANT pg_read_all_data TO usinage_backup;
ALTER ROLE usinage_backup CREATEDB;
