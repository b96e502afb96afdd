import { suite } from 'node:test';
import { databaseTests } from '../../test/support/database-tests.ts';
import { skipWithout } from '../../test/support/peers.ts';
import mysql from './index.ts';

const TABLE =
  'CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(64), x FLOAT, b BLOB, at DATETIME, big BIGINT, UNIQUE (name)) CHARACTER SET utf8mb4';

suite('db_mysql with MariaDB', { skip: skipWithout('mariadbd') }, () => {
  databaseTests({
    kind: 'mariadb',
    module: mysql,
    params: [
      ['timeout_interval', 1],
      ['send_timeout', 1],
    ],
    admin: 'mysql',
    sleep: 'SELECT SLEEP(5)',
    table: TABLE,
  });
});

suite('db_mysql in the server’s time, with TLS where there is', { skip: skipWithout('mariadbd') }, () => {
  databaseTests({
    kind: 'mariadb',
    module: mysql,
    params: [
      ['timeout_interval', 1],
      ['receive_timeout', 1],
      ['server_timezone', 1],
      ['opt_ssl_mode', 2],
      ['update_affected_found', 1],
    ],
    admin: 'mysql',
    sleep: 'SELECT SLEEP(5)',
    table: TABLE,
  });
});
