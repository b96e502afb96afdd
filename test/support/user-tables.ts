import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';

const hash = (...parts: string[]): string => createHash('md5').update(parts.join(':')).digest('hex');

/** user, domain, password */
const SUBSCRIBERS = [
  ['alice', 'example.com', 'pw'],
  ['bob', 'example.com', 'bobpw'],
  ['alice', 'other.com', 'pw2'],
  ["o'neil", 'example.com', 'pw'],
] as const;

const TABLES = `
CREATE TABLE version (id INTEGER PRIMARY KEY, table_name VARCHAR(32) NOT NULL, table_version INTEGER DEFAULT 0 NOT NULL);
INSERT INTO version (table_name, table_version) VALUES ('subscriber', 7), ('dbaliases', 1), ('speed_dial', 2), ('uri', 1);
CREATE TABLE subscriber (id INTEGER PRIMARY KEY NOT NULL, username VARCHAR(64) DEFAULT '' NOT NULL,
  domain VARCHAR(64) DEFAULT '' NOT NULL, password VARCHAR(64) DEFAULT '' NOT NULL,
  ha1 VARCHAR(128) DEFAULT '' NOT NULL, ha1b VARCHAR(128) DEFAULT '' NOT NULL);
CREATE TABLE dbaliases (id INTEGER PRIMARY KEY NOT NULL, alias_username VARCHAR(64) DEFAULT '' NOT NULL,
  alias_domain VARCHAR(64) DEFAULT '' NOT NULL, username VARCHAR(64) DEFAULT '' NOT NULL,
  domain VARCHAR(64) DEFAULT '' NOT NULL);
INSERT INTO dbaliases (alias_username, alias_domain, username, domain) VALUES
  ('al', 'example.com', 'alice', 'example.com'), ('al', 'example.com', 'bob', 'example.com'),
  ('al', 'other.com', 'alice', 'other.com'), ('100', 'example.com', 'bob', 'example.com'), ('200', '', 'bob', '');
CREATE TABLE speed_dial (id INTEGER PRIMARY KEY NOT NULL, username VARCHAR(64) DEFAULT '' NOT NULL,
  domain VARCHAR(64) DEFAULT '' NOT NULL, sd_username VARCHAR(64) DEFAULT '' NOT NULL,
  sd_domain VARCHAR(64) DEFAULT '' NOT NULL, new_uri VARCHAR(255) DEFAULT '' NOT NULL,
  fname VARCHAR(64) DEFAULT '' NOT NULL, lname VARCHAR(64) DEFAULT '' NOT NULL,
  description VARCHAR(64) DEFAULT '' NOT NULL);
INSERT INTO speed_dial (username, domain, sd_username, sd_domain, new_uri) VALUES
  ('alice', 'example.com', '11', 'example.com', 'sip:bob@example.com'),
  ('alice', 'other.com', '11', 'other.com', 'sip:carol@other.com'),
  ('alice', 'example.com', '12', 'example.com', 'bob@example.com');
CREATE TABLE uri (id INTEGER PRIMARY KEY NOT NULL, username VARCHAR(64) DEFAULT '' NOT NULL,
  domain VARCHAR(64) DEFAULT '' NOT NULL, uri_user VARCHAR(64) DEFAULT '' NOT NULL,
  last_modified TIMESTAMP WITHOUT TIME ZONE DEFAULT '2000-01-01 00:00:01' NOT NULL);
INSERT INTO uri (username, domain, uri_user) VALUES ('alice', 'example.com', 'al'), ('alice', 'example.com', 'alice');
`;

/** A new SQLite file with the tables of users, as Kamailio has them: subscriber, dbaliases, speed_dial, uri. */
export function makeUserTables(file: string, change = ''): void {
  const db = new DatabaseSync(file);
  db.exec(TABLES);
  const insert = db.prepare('INSERT INTO subscriber (username, domain, password, ha1, ha1b) VALUES (?, ?, ?, ?, ?)');
  for (const [user, domain, password] of SUBSCRIBERS)
    insert.run(user, domain, password, hash(user, domain, password), hash(`${user}@${domain}`, domain, password));
  if (change !== '') db.exec(change);
  db.close();
}
