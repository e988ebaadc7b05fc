-- Tables and rows
CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER, s TEXT)
CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY)
!CREATE TABLE t(id)
CREATE TABLE u(id INTEGER PRIMARY KEY, t_id INTEGER REFERENCES t(id) ON DELETE CASCADE ON UPDATE CASCADE, x REAL) STRICT
CREATE TABLE w(a TEXT COLLATE NOCASE, b INT DEFAULT (1 + 2), c DEFAULT 'q', PRIMARY KEY (a, b)) WITHOUT ROWID
CREATE TABLE sw(k TEXT NOT NULL, v ANY, PRIMARY KEY (k)) STRICT, WITHOUT ROWID
CREATE TABLE ws(k TEXT PRIMARY KEY, v BLOB DEFAULT x'0102') WITHOUT ROWID, STRICT
CREATE TABLE "odd name"("a b" INTEGER, [c d] TEXT, `e``f` REAL, "order" INT)
CREATE TABLE g(a INT, b INT GENERATED ALWAYS AS (a * 2) STORED, c AS (a || 'x') VIRTUAL, d VARCHAR(10) AS (a + 1))
CREATE TABLE ck(a INT CHECK (a > 0), b INT, CONSTRAINT big CHECK (ck.b > ck.a), CHECK (b < 100 AND ck.a < 50))
CREATE TABLE d(a INTEGER PRIMARY KEY DESC, b DECIMAL(10, 2) NOT NULL DEFAULT -1.5, c TIMESTAMP DEFAULT CURRENT_TIMESTAMP, e TEXT UNIQUE, f UNSIGNED BIG INT DEFAULT +3)
CREATE TABLE self(id INTEGER PRIMARY KEY, up INT REFERENCES self, FOREIGN KEY (up) REFERENCES self(id) ON DELETE SET NULL NOT DEFERRABLE)
CREATE TABLE two(a INT, b INT, UNIQUE (a, b) ON CONFLICT IGNORE, UNIQUE (b) ON CONFLICT REPLACE)
CREATE TABLE Mixed(Id INTEGER PRIMARY KEY, Name TEXT)
CREATE TABLE d2_secret(id INT, n INT)
CREATE TABLE "select"("from" INT, "where" TEXT)
CREATE TABLE 'quoted'('a' TEXT)
CREATE TABLE "ünïcode"("ñ" TEXT)
CREATE TABLE main_t(a INT NULL, b TEXT NOT NULL ON CONFLICT IGNORE)
CREATE TABLE key(key TEXT PRIMARY KEY, abort INT, left INT)
INSERT INTO t VALUES (1, 10, 'one'), (2, 20, 'two'), (3, 30, NULL)
INSERT INTO t(n, s) VALUES (40, 'four'), (50, 'five')
INSERT INTO u(t_id, x) SELECT id, n / 3.0 FROM t WHERE t.n > 10
INSERT INTO u DEFAULT VALUES
INSERT INTO w(a) VALUES ('A'), ('b')
!INSERT INTO w(a, b) VALUES ('a', 3)
INSERT OR IGNORE INTO w(a, b) VALUES ('a', 3)
INSERT OR REPLACE INTO w(a, b, c) VALUES ('a', 3, 'new')
REPLACE INTO w(a, b, c) VALUES ('B', 3, 'newer')
INSERT OR ABORT INTO sw VALUES ('k', 1)
INSERT INTO sw VALUES ('l', 'text'), ('m', 1.5), ('n', x'ab')
!INSERT INTO u(x) VALUES ('not a number')
INSERT INTO "odd name" VALUES (1, 'c', 2.5, 4)
INSERT INTO [odd name]("a b", `order`) VALUES (2, 5)
INSERT INTO g(a) VALUES (1), (2), (3)
!INSERT INTO g(b) VALUES (1)
INSERT INTO ck VALUES (1, 2)
!INSERT INTO ck VALUES (0, 2)
!INSERT INTO ck VALUES (5, 2)
!INSERT INTO ck VALUES (1, 200)
INSERT INTO d(b, e, c) VALUES (2, 'e1', 'then')
!INSERT INTO d(b, e) VALUES (NULL, 'e2')
!INSERT INTO d(b, e) VALUES (3, 'e1')
INSERT INTO self VALUES (1, NULL), (2, 1), (3, 2)
!INSERT INTO self VALUES (4, 99)
INSERT INTO two VALUES (1, 1), (1, 1), (2, 1)
INSERT INTO Mixed VALUES (1, 'M'), (2, 'N')
INSERT INTO d2_secret VALUES (1, 2)
INSERT INTO "select" VALUES (1, 'w')
INSERT INTO quoted VALUES ('q')
INSERT INTO "ünïcode" VALUES ('ß')
INSERT INTO main_t VALUES (1, NULL), (2, 'x')
INSERT INTO key VALUES ('k', 1, 2)
INSERT INTO key(key, abort, left) VALUES ('l', 3, 4)
!INSERT INTO missing VALUES (1)
!INSERT INTO t(missing) VALUES (1)
!INSERT INTO t VALUES (1)
CREATE TABLE trigger("begin" INT, end INT, temp TEXT, view REAL, [index] INT)
INSERT INTO trigger VALUES (1, 2, 'x', 1.5, 3)
SELECT "begin", end, temp, trigger.view, trigger."index" FROM trigger
CREATE TABLE temp(a)
SELECT temp.a FROM temp
CREATE TABLE excluded(id INTEGER PRIMARY KEY, n INT)
INSERT INTO excluded VALUES (1, 1)
CREATE TABLE "a.b"("c.d" INT)
INSERT INTO "a.b" VALUES (5)
SELECT "a.b"."c.d", "a.b".* FROM "a.b"
CREATE TABLE "it's"("q""q" INT)
SELECT "it's"."q""q" FROM "it's"
-- Queries
SELECT * FROM t
SELECT t.* FROM t
SELECT T.ID, t.N FROM t
SELECT t.id, t.n + 1, n*2, s || 'x' FROM t ORDER BY t.id DESC
SELECT ID, "n", [s], `n` FROM t WHERE t.id = 1
SELECT (id), (n), ((s)) FROM t
SELECT ( n ), -n, - n, - -n, +n, ~ n, NOT n FROM t
SELECT id AS a, n b, s 'c', n "d e" FROM t
SELECT 5  +  1 /* inside */ + 2 -- trailing
SELECT n  +  1 /* inside */ + 2 /* before from */ FROM t
SELECT count(*), COUNT(*), Count( * ), sum(n), max(n, 3), group_concat(s, '-') FROM t
SELECT count(DISTINCT n), total(n) FILTER (WHERE n > 10), avg(n) FROM t
SELECT rowid, oid, _rowid_, t.rowid FROM t
SELECT rowid FROM two
SELECT x.id FROM t AS x
SELECT x.id FROM t x
!SELECT t.id FROM t AS x
!SELECT * FROM d3_t
SELECT * FROM d2_secret
!SELECT * FROM secret
!SELECT missing FROM t
!SELECT "missing" FROM t
SELECT a.id, b.id FROM t a, t b WHERE a.id < b.id
!SELECT id FROM t, t
SELECT * FROM t JOIN u ON t.id = u.t_id
SELECT t.s, u.x FROM t LEFT JOIN u ON u.t_id = t.id ORDER BY t.id, u.id
SELECT t.s, u.x FROM t LEFT OUTER JOIN u ON u.t_id = t.id
SELECT t.s, u.x FROM t RIGHT JOIN u ON u.t_id = t.id
SELECT t.s, u.x FROM t FULL OUTER JOIN u ON u.t_id = t.id
SELECT * FROM t NATURAL JOIN u
SELECT * FROM t NATURAL LEFT OUTER JOIN u
SELECT id, t.n FROM t INNER JOIN u USING (id)
SELECT count(*) FROM t CROSS JOIN u
SELECT * FROM (t JOIN u ON t.id = u.t_id)
SELECT t.id FROM (t JOIN u ON t.id = u.t_id) WHERE u.id > 1
SELECT * FROM (SELECT id, n + 1 FROM t) WHERE "n + 1" > 11
SELECT q."n + 1" FROM (SELECT id, n + 1 FROM t) AS q
SELECT * FROM (SELECT id, id, n FROM t)
SELECT * FROM (SELECT * FROM t a JOIN t b ON a.id = b.id)
SELECT * FROM (SELECT id COLLATE NOCASE, likely(n), (s) FROM t)
SELECT id COLLATE NOCASE, likely(n) FROM t
SELECT q.* FROM (SELECT 1, 'a', NULL, true, (false), x'00', 1.50, 1e3) q
SELECT 1, 'a', NULL, true, ( false ), x'00', 1.50, 1e3, 0x1F, 1_000, CURRENT_DATE IS NOT NULL
SELECT id FROM t WHERE id IN (1, 2) OR n IN (SELECT n FROM t AS y WHERE y.id = t.id) OR s IN ()
SELECT id FROM t WHERE id NOT IN (SELECT t_id FROM u WHERE t_id IS NOT NULL)
SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.t_id = t.id)
SELECT id FROM t WHERE NOT EXISTS (SELECT * FROM u WHERE u.t_id = t.id)
SELECT (SELECT max(u.x) FROM u WHERE u.t_id = t.id) FROM t
SELECT (SELECT count(*) FROM t AS t2 WHERE t2.id <= t.id) AS position, id FROM t
CREATE TABLE ids(id)
INSERT INTO ids SELECT id FROM t WHERE id < 3
SELECT id FROM t WHERE id IN ids
SELECT id FROM t WHERE t.id NOT IN ids
WITH c AS (SELECT id FROM t WHERE id > 3) SELECT * FROM t WHERE id IN c
WITH c(i, j) AS (SELECT id, n FROM t) SELECT c.i, j FROM c WHERE c.j > 10
WITH t AS (SELECT 1 AS id) SELECT * FROM t
WITH t AS (SELECT id + 100 AS id FROM u) SELECT t.id FROM t ORDER BY t.id
WITH a AS (SELECT * FROM b), b AS (SELECT id FROM t) SELECT * FROM a
WITH a AS (SELECT 1 AS z), b AS (SELECT z + 1 AS z FROM a) SELECT a.z, b.z FROM a, b
WITH a AS MATERIALIZED (SELECT n FROM t), b AS NOT MATERIALIZED (SELECT n FROM t) SELECT count(*) FROM a, b
WITH RECURSIVE a AS (SELECT n + 1 FROM t) SELECT * FROM a
WITH a AS (SELECT n + 1, count(*) OVER () FROM t) SELECT * FROM a
SELECT * FROM (WITH t AS (SELECT 5 AS id) SELECT id FROM t) AS x, t WHERE t.id < 3
WITH t AS (SELECT 9 AS id) SELECT (WITH t AS (SELECT 8 AS id) SELECT id FROM t), id FROM t
WITH d5_other AS (SELECT 1 AS q) SELECT d5_other.q FROM d5_other
SELECT id FROM t UNION SELECT id + 2 FROM u ORDER BY 1
SELECT id + 1 FROM t UNION ALL SELECT n FROM t ORDER BY 1 LIMIT 3
SELECT id FROM t EXCEPT SELECT t_id FROM u
SELECT id FROM t INTERSECT SELECT t_id FROM u
SELECT * FROM (SELECT id + 1 FROM t UNION SELECT 2)
VALUES (1, 'a'), (2, 'b')
SELECT * FROM (VALUES (1, 'a'), (2, 'b'))
SELECT id FROM t ORDER BY n DESC, s COLLATE NOCASE ASC NULLS LAST LIMIT 2
SELECT id FROM t ORDER BY id LIMIT 2 OFFSET 1
SELECT id FROM t ORDER BY id LIMIT 1, 2
SELECT id FROM t ORDER BY id LIMIT ?1 OFFSET ?3 - 2
SELECT id FROM t ORDER BY id LIMIT ?1, ?3
SELECT ?, ?2, ?, ?1
SELECT ? AS a, ? + 1 FROM t WHERE id = 1 LIMIT ?3 OFFSET 0
SELECT id FROM t WHERE id = ?1 AND s IS NOT ?2
SELECT n > 10, count(*) FROM t GROUP BY n > 10 HAVING count(*) > 0 ORDER BY 1
SELECT s, sum(n) FROM t GROUP BY s ORDER BY sum(n)
SELECT DISTINCT n > 20 FROM t
SELECT ALL n FROM t
SELECT CASE WHEN n > 20 THEN 'big' ELSE 'small' END, CASE n WHEN 10 THEN 1 WHEN 20 THEN 2 END FROM t
SELECT CAST(n AS TEXT), CAST (s AS VARCHAR(10)), CAST(n AS DECIMAL(4, 2)), CAST('1' AS UNSIGNED BIG INT) FROM t
SELECT n BETWEEN 10 AND 20, n NOT BETWEEN 1 AND 2, s LIKE 't%', s NOT LIKE 'x', s GLOB 't*', s LIKE 'a!%' ESCAPE '!' FROM t
SELECT s ISNULL, s NOTNULL, s NOT NULL, s IS NULL, s IS NOT NULL, s IS 'one', s IS NOT DISTINCT FROM 'one', s IS DISTINCT FROM 'one' FROM t
SELECT n = 10, n == 10, n != 10, n <> 10, n <= 10, n >> 1, n << 1, n & 6, n | 1, n % 7, n / 3 FROM t
SELECT 1 + 2 * 3, (1 + 2) * 3, 1 - (2 - 3), - (1), 'a' || 'b' || 'c', NOT 1 = 2, (1, 2) = (1, 2), (1, 2) < (SELECT 2, 3)
SELECT '{"a":[1,2]}' -> 'a' ->> 1, json_extract('{"a":1}', '$.a'), json('[1, 2]')
SELECT -9223372036854775808, 9223372036854775807, 1.0e-5, .5, 5., 0x7fffffffffffffff
SELECT row_number() OVER (ORDER BY id), sum(n) OVER w, lag(n, 1, 0) OVER (PARTITION BY n > 20 ORDER BY id) FROM t WINDOW w AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
SELECT sum(n) OVER (w ROWS UNBOUNDED PRECEDING EXCLUDE TIES) FROM t WINDOW w AS (PARTITION BY s ORDER BY id)
SELECT sum(n) FILTER (WHERE n > 10) OVER (ORDER BY id GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM t
SELECT sum(n) OVER (ORDER BY n RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE NO OTHERS) FROM t
SELECT ntile(2) OVER win AS tile, first_value(s) OVER win FROM t WINDOW win AS (ORDER BY id)
SELECT group_concat(s, ',' ORDER BY n DESC), string_agg(s, ';') FROM t
SELECT "a b", [c d], `e``f`, "order" FROM "odd name"
SELECT "odd name"."a b" + 1 FROM "odd name"
SELECT "from", "where" FROM "select"
SELECT key, abort, left, key.key FROM key
SELECT "ñ" FROM "ünïcode"
SELECT Id, name, MIXED.NAME FROM MIXED
SELECT M.Id FROM Mixed AS M WHERE m.Name = 'M'
SELECT strftime('%Y', '2024-01-02'), date('2024-01-31', '+1 month'), julianday('2000-01-01'), unixepoch('2000-01-01')
SELECT iif(n > 10, 1, 0), coalesce(NULL, 1), ifnull(NULL, 2), nullif(1, 1), typeof(n), abs(-1), upper('a'), printf('%d', 3), hex('a'), round(2.5) FROM t WHERE id = 1
!SELECT abs() FROM t
!SELECT id FROM t WHERE sum(n) > 1
!SELECT * FROM t ORDER BY 9
-- The chain's tables
SELECT * FROM chain.accounts
SELECT accounts.address, n FROM chain.accounts WHERE accounts.n = 1
SELECT a.sequence, t.n FROM chain.accounts AS a JOIN t ON t.id = a.n
SELECT * FROM t WHERE id IN (SELECT n FROM "chain".[accounts])
INSERT INTO ids SELECT n + 100 FROM chain.accounts
!SELECT * FROM chain.missing
-- Indexes
CREATE INDEX t_n ON t(n)
CREATE UNIQUE INDEX IF NOT EXISTS t_s ON t(s COLLATE NOCASE DESC) WHERE t.s IS NOT NULL
CREATE INDEX t_expr ON t(n + 1, lower(s))
!CREATE INDEX t_n ON t(s)
!CREATE INDEX bad ON missing(a)
SELECT id FROM t INDEXED BY t_n WHERE n > 10
SELECT id FROM t AS x INDEXED BY t_n WHERE x.n > 10
SELECT id FROM t NOT INDEXED WHERE n > 10
!SELECT id FROM t INDEXED BY missing WHERE n > 10
!INSERT INTO t(s) VALUES ('ONE')
UPDATE t INDEXED BY t_n SET s = s || '!' WHERE n = 10
DELETE FROM t NOT INDEXED WHERE n = 999
-- Views
CREATE VIEW v AS SELECT t.id, n + 1, s AS label FROM t
SELECT * FROM v
SELECT v."n + 1" FROM v WHERE v.id = 1
CREATE VIEW IF NOT EXISTS v2(a, b) AS SELECT v.id, u.x FROM v JOIN u ON u.t_id = v.id
SELECT * FROM v2
SELECT v2.a, count(*) FROM v2 GROUP BY v2.a
CREATE VIEW v3 AS WITH c AS (SELECT id FROM t) SELECT c.id, c.id FROM c UNION SELECT 0, 1
SELECT * FROM v3
CREATE VIEW v4 AS SELECT id, count(*) OVER (), (SELECT max(x) FROM u WHERE u.t_id = t.id) FROM t WHERE id IN ids
SELECT * FROM v4
!INSERT INTO v VALUES (1, 2, 3)
!UPDATE v SET id = 1
!DELETE FROM v
DROP VIEW v3
DROP VIEW IF EXISTS v3
!DROP VIEW v3
!DROP TABLE v
-- Writes with names
UPDATE t SET n = n + 1 WHERE t.id = 1
UPDATE t AS x SET n = x.n + 1 WHERE x.id = 1
!UPDATE t AS x SET n = 1 WHERE t.id = 1
UPDATE t SET (n, s) = (n + 1, 'pair') WHERE id = 2
UPDATE t SET (n, s) = (SELECT 7, 'sub') WHERE id = 3
UPDATE t SET n = (SELECT count(*) FROM t AS y WHERE y.id <= t.id) WHERE id > 3
UPDATE t SET n = u.x FROM u WHERE u.t_id = t.id AND t.id = 4
UPDATE t SET n = o.n + 1 FROM t AS o WHERE o.id = t.id - 1 AND t.id = 5
UPDATE t SET n = q.c FROM (SELECT count(*) AS c FROM u) AS q WHERE t.id = 1
!UPDATE t SET n = 1 FROM t
UPDATE OR IGNORE t SET s = 'pair' WHERE id = 1
UPDATE OR REPLACE w SET b = 3 WHERE a = 'b'
!UPDATE t SET missing = 1
WITH c AS (SELECT 2 AS id) UPDATE t SET n = 77 WHERE id IN (SELECT id FROM c)
WITH t AS (SELECT 1 AS id) UPDATE t SET n = 78 WHERE id IN (SELECT id FROM t)
UPDATE t SET n = 5 WHERE id = 1 RETURNING id, n, t.s, n + 1, *
UPDATE t SET n = 6 WHERE id = 1 RETURNING t.id AS i, (SELECT count(*) FROM u WHERE u.t_id = t.id)
UPDATE t SET n = 6 WHERE id = 1 RETURNING (SELECT max(t.id) FROM t), "t"."n"
UPDATE t AS x SET n = 6 WHERE x.id = 1 RETURNING id, t.n
!UPDATE t AS x SET n = 6 WHERE x.id = 1 RETURNING x.id
INSERT INTO t(id, n) VALUES (9, 9) RETURNING *
INSERT INTO t(id, n) VALUES (10, 9), (11, 8) RETURNING id, t.n * 2, rowid
INSERT INTO t(id, n) VALUES (9, 1) ON CONFLICT(id) DO UPDATE SET n = t.n + excluded.n RETURNING t.n
INSERT INTO t(id, n) VALUES (9, 1) ON CONFLICT(id) DO UPDATE SET n = excluded.n, s = 'up' WHERE t.n > excluded.n
INSERT INTO t(id, n) VALUES (9, 1) ON CONFLICT DO NOTHING
INSERT INTO t AS x (id, n) VALUES (9, 1) ON CONFLICT(id) DO UPDATE SET n = x.n + 1
!INSERT INTO t AS x (id, n) VALUES (9, 1) ON CONFLICT(id) DO UPDATE SET n = t.n + 1
INSERT INTO t(id, n, s) VALUES (9, 1, 'two') ON CONFLICT(id) DO UPDATE SET n = 0 ON CONFLICT(s COLLATE NOCASE) WHERE s IS NOT NULL DO NOTHING
INSERT INTO t(id, n) SELECT id, n FROM t WHERE true ON CONFLICT(id) DO UPDATE SET n = excluded.n + 1000
WITH c AS (SELECT 50 AS id) INSERT INTO ids SELECT id FROM c
INSERT INTO ids WITH c AS (SELECT 51 AS id) SELECT id FROM c
WITH ids AS (SELECT 52 AS id) INSERT INTO ids SELECT id FROM ids
DELETE FROM t WHERE t.id = 11
DELETE FROM t AS x WHERE x.id = 10 RETURNING id
DELETE FROM t WHERE id = 9 RETURNING t.id, t.n, n / 2
DELETE FROM u WHERE t_id IN (SELECT id FROM t WHERE n > 1000) RETURNING x
DELETE FROM u WHERE EXISTS (SELECT 1 FROM t WHERE t.id = u.t_id AND t.n < 0)
DELETE FROM t WHERE id = 2
DELETE FROM self WHERE id = 1
SELECT * FROM self
DELETE FROM ids
-- Changes of tables
ALTER TABLE t ADD COLUMN extra TEXT DEFAULT 'e' CHECK (t.extra <> '')
ALTER TABLE t ADD z INTEGER REFERENCES u(id)
SELECT extra, z FROM t
ALTER TABLE t RENAME COLUMN s TO label
SELECT * FROM v
SELECT label FROM t
ALTER TABLE t RENAME extra TO extra2
ALTER TABLE t DROP COLUMN extra2
ALTER TABLE t DROP COLUMN z
!ALTER TABLE t DROP COLUMN missing
!ALTER TABLE missing RENAME TO other
ALTER TABLE ck RENAME TO checked
INSERT INTO checked VALUES (3, 4)
!INSERT INTO checked VALUES (30, 4)
ALTER TABLE t RENAME TO things
SELECT * FROM things
SELECT * FROM v
SELECT * FROM v2
!SELECT * FROM t
!ALTER TABLE things RENAME TO u
DROP VIEW v4
DROP VIEW v2
DROP VIEW v
DROP INDEX t_n
DROP INDEX IF EXISTS t_n
!DROP INDEX t_n
DROP TABLE u
DROP TABLE IF EXISTS u
!DROP TABLE u
-- Elements of JSON
CREATE TABLE j(id INTEGER PRIMARY KEY, doc TEXT)
INSERT INTO j VALUES (1, '{"tags":["a","b"],"n":{"x":1}}'), (2, '{"tags":[]}'), (3, NULL)
SELECT * FROM json_each('[10,20,{"a":null}]')
SELECT key, value, type, atom, id, parent, fullkey, path FROM json_tree('{"a":[1,{"b":2}]}')
SELECT j.id, e.value FROM j, json_each(j.doc, '$.tags') AS e ORDER BY j.id, e.key
SELECT j.id, json_each.key FROM j JOIN json_each(doc) ORDER BY 1, 2
SELECT j.id, e.fullkey FROM j LEFT JOIN JSON_TREE(doc, '$.n') e ON e.atom = 1
SELECT id FROM j WHERE EXISTS (SELECT 1 FROM json_each(j.doc, '$.tags') WHERE value = 'b')
WITH e AS (SELECT value FROM json_each('[1,2]')) SELECT sum(value) FROM e
CREATE VIEW tags AS SELECT j.id, e.value AS tag FROM j, json_each(j.doc, '$.tags') e
SELECT * FROM tags ORDER BY id, tag
!SELECT * FROM json_each('[1')
!SELECT * FROM json_each('[1]', 'x')
