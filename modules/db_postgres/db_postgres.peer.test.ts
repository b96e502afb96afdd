import { suite } from 'node:test';
import { databaseTests } from '../../test/support/database-tests.ts';
import { skipWithout } from '../../test/support/peers.ts';
import postgres from './index.ts';

suite('db_postgres with PostgreSQL', { skip: skipWithout('postgres') }, () => {
  databaseTests({
    kind: 'postgres',
    module: postgres,
    params: [
      ['timeout', 1],
      ['con_param', 'application_name=strowger-test;sslmode=prefer'],
    ],
    admin: 'postgres',
    sleep: 'SELECT pg_sleep(5)',
    table:
      'CREATE TABLE t (id SERIAL PRIMARY KEY, name VARCHAR(64), x REAL, b BYTEA, at TIMESTAMP WITHOUT TIME ZONE, big BIGINT, UNIQUE (name))',
  });
});
